"""What is around the steps: frame, address, uploads, drafts, words."""
