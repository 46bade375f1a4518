"""How a network learns to forecast: windows of the past, one epoch after another."""
