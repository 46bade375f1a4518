"""Work outside the page's process: a queue of runs, the worker that trains one run, and the warm server that answers
short questions. `backend.backend()` is the queue, `serving.ask()` the questions; neither imports torch here.
"""
