"""What only vision draws: boxes on pictures, and what a detector found, missed and made up."""
