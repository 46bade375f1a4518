"""Everything that is not screen: tasks, training, evidence, the queue. Nothing here imports streamlit."""

import os

# Threads that wait for each other must not burn the core that another run, or a prediction, needs: with two trainings on
# two cores both ran twice as fast, and single predictions fell from two seconds to 35 ms (docs/performance.md). Read by
# the OpenMP library when torch loads it, so it is set before anything can.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
