"""What a run costs: how long it will take, from the work it has to do and what finished runs on this machine took; what
it took by phase, how much memory, and how much energy where a counter tells."""
