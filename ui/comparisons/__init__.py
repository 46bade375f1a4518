"""A comparison as a run of its own: how it is asked for, how it goes, and what it came to."""
