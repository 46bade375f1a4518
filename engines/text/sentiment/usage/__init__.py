"""usage.py of an exported text classifier: texts in, their classes out."""
