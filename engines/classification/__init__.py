"""What every classifier shares, whatever its domain: a run of it, folds, metrics, advice."""
