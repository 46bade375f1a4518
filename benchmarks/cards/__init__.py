"""What benchmarks/gpu.py measures on a graphics card, and the networks and data that it makes for that."""
