"""What only the vision pages draw."""
