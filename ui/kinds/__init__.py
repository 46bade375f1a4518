"""The page Kinds of transfer: the map with this browser's runs on it, and one plot of none, one and a few labels."""
