"""Who speaks: voices told apart, verified and enrolled. A file a verb."""
