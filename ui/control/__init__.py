"""What only the control page draws."""
