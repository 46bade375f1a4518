"""What only vision draws: boxes on pictures, what a detector found, missed and made up, and what a clinic asks."""
