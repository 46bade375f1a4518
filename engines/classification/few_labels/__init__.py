"""Classifiers of few examples a class, or none: by their mean, by showing, by naming."""
