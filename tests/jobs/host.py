"""An app's server in its own process: opens the queue named by its argument, submits the recipe on its standard
input, tells the run's id, and stays until it is killed.
"""

import sys
import threading

import queues

from engines.contract import Job, Recipe

jobs = queues.QUEUES[sys.argv[1]]()
print(jobs.submit(Job(Recipe.from_json(sys.stdin.read()))), flush=True)
threading.Event().wait()
