"""Somebody's words in the cells of a table that a spreadsheet may open."""

from __future__ import annotations


def harmless(text: str) -> str:
    """No spreadsheet takes it for a formula. One apostrophe at its start is to be taken off again."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "'")) else text
