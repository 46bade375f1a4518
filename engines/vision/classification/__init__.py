"""Image classification: one class a picture.

A file a verb (check, prepare, fit, predict, explain, export), and the nouns that only they use.
"""
