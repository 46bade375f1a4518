"""Where a run's worker is started: on this machine, or by a cluster. The queue, the run folder and the heartbeat are
the same for all; `chosen.cluster()` is the one that HEADSTART_LAUNCHER names."""
