"""Pieces that several steps or domains draw."""
