"""Everything that is not screen: tasks, training, evidence, the queue. Nothing here imports streamlit."""

import os

# Threads that wait for each other must not burn the core that another run, or a prediction, needs: two trainings beside
# each other became twice as fast, and single predictions fell from two seconds to 45 ms (docs/performance.md).
# The OpenMP library reads it when torch loads it, so it is set before anything can.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
