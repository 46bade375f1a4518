"""What benchmarks/gpu.py measures on a graphics card, and the networks and data that it makes for that."""

RIGHT = ("probe", "parity", "bf16", "syncs")
FAST = ("busy", "partial", "small", "first-step", "texts", "workers", "inference", "saving")
SCARCE = ("memory", "resume", "server")
NAMES = (*RIGHT, *FAST, *SCARCE)
"""The parts of the measurement: those of `parts.PARTS`, told without what these need to be installed."""
WITHOUT_A_CARD = ("probe", "syncs")
