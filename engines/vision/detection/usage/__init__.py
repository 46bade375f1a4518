"""usage.py of an exported detector: pictures in, boxes out."""
