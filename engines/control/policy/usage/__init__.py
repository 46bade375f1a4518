"""usage.py of an exported policy: observations in, its actions out."""
