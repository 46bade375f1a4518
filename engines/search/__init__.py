"""The best model, strategy and settings within a given time: many short trials, chosen on what validates."""
