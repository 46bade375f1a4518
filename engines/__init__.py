"""Everything that is not screen: tasks, training, evidence, the queue. Nothing here imports streamlit."""
