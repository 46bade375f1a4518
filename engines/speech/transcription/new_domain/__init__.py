"""Clips of a new domain, such as another accent, that nobody has written down: how they are read, and how a recogniser
learns from what it hears in them itself."""
