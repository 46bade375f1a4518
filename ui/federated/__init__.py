"""Data as if they lay at several sites: how that is asked for, how it goes, and who gained by joining."""
