"""Does transfer pay here, by how much, and how sure can one be: intervals, the verdict, learning curves.
Works on plain predictions, whatever made them.
"""
