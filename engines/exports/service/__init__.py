"""A model that answers over HTTP: the program, its page and its container, which an export hands over as they stand."""
