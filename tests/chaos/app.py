"""A second app on the same home: opens the queue, and submits the job of each line on its standard input.

    python -m tests.chaos.app

A line is a recipe as JSON, or {"resume": ID}; what it prints is the run's id.
"""

from __future__ import annotations

import json
import sys

from engines.contract import InputError, Job, Recipe
from engines.jobs.local.backend import LocalBackend

jobs = LocalBackend()
jobs.warm_up()
print("ready", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    try:
        if "resume" in asked:
            print(jobs.submit(None, resume=asked["resume"]), flush=True)
        else:
            print(jobs.submit(Job(Recipe.from_json(line), owner="a visitor")), flush=True)
    except InputError as error:
        print(f"refused: {error}", flush=True)
jobs.close()
