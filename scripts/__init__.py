"""What developers run now and then: each is a command of its own, `python scripts/NAME.py`.
What one makes is committed; running it again makes the same."""
