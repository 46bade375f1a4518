"""Files that were made to break a reader: every kind, in as many variations as asked for, and what became of each."""
