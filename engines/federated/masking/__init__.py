"""Sums that only the total of all sites can be read of."""
