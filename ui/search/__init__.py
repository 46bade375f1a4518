"""Find the best: a search asked for, while it goes on, and what it came to; several choices trained at once."""
