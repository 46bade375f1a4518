"""The image networks: their catalogue, and how each is built in stages."""
