"""What files are that no library here reads, told by how they begin and not by what they are called, and how to turn
them into what is read."""
