"""A policy from a simulator meets a robot whose physics differ.

A file a verb (check, prepare, fit, predict, explain, export), and the nouns that only they use.
"""
