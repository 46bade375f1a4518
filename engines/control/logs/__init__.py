"""What a real robot has recorded: reading its files, transitions, windows."""
