"""usage.py of an exported forecaster: series in, what comes next out."""
