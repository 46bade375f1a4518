"""What the page Evidence draws: every comparison of this browser's runs, and what was forecast of them."""
