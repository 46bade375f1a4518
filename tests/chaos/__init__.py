"""What goes wrong by itself: processes killed, disks full, files cut, clocks set. All of it: `benchmarks/chaos.py`."""
