"""System identification: the physics that explain a log."""
