"""What a classifier's study can do besides: be divided among several sites, go on from a finished run."""
