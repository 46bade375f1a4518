"""Learning where the data are: only what was counted, or what was learnt, travels."""
