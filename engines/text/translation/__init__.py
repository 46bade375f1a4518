"""Translation of sentence pairs: the task, its scores."""
