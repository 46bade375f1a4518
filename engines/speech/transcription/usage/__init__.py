"""usage.py of an exported recogniser: sounds in, what is said in them out."""
