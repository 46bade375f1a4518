"""What stands between the open internet and the pages: see host.py."""
