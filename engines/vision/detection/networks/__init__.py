"""Detectors: a backbone that has seen other pictures, a pyramid on maps of several of its stages, a head that says at
each place of these what is there and how far its edges are; what that costs while it learns; how boxes come of it."""
