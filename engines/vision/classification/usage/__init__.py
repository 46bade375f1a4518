"""usage.py of an exported image classifier: pictures in, their classes out."""
