"""Carries orders and answers between Headstarts on several machines. Nothing is learnt in here: Headstart runs in an
environment of its own, whose pins are other ones, and is asked by files."""
