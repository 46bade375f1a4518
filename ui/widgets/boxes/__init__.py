"""A picture on a page to draw boxes on: by mouse, finger or key, with every box in words beside it."""
