"""One suite over every registered task: what a task declares, it does. A new task adds one entry to tiny.py."""
