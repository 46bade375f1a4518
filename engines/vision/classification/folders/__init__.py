"""What the names of folders, files and columns say of pictures."""
