"""What only speech pages draw."""
