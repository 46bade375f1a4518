"""Asking a finished model about many examples at once: where that is asked for, and the page of such a run."""
