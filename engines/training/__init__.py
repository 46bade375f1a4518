"""Training, the same for every domain: one loop, the strategies, the frozen-activation cache, checkpoints.

A task brings a staged network, its examples and a loss; nothing here knows what an example is.
"""
