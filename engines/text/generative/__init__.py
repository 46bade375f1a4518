"""What answering and translating share: models that write, what they learn from, how they are measured."""
