"""Which of your classes is this short signal? A file a verb; each says at its top what to change in a copy."""
