"""How good what was found is, and what it is compared with."""
