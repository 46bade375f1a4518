"""What benchmarks/gpu.py measures on a graphics card, and the networks and data that it makes for that."""

NAMES = ("probe", "parity", "syncs", "busy", "partial", "small", "first-step", "memory", "resume", "server")
"""The parts of the measurement: those of `parts.PARTS`, told without what these need to be installed."""
WITHOUT_A_CARD = ("probe", "syncs")
