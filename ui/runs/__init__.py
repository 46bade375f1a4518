"""The list of this browser's runs, and two of them beside each other."""
