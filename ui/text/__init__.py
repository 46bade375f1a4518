"""What only text pages draw."""
