"""usage.py of an exported writing model: texts in, its answers out."""
