"""Work outside the page's process: a queue of runs, the worker that works through one, and the warm server that answers
short questions. `backends.backend()` is the queue, `serving.client.ask()` the questions; neither imports torch here.
"""
