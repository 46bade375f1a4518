"""The verbs as functions: what the command line, the pages' server and notebooks call.

from engines import api
result = api.fit(api.recipe("vision.classification", "photographs.zip"), "run")
"""

from engines.api.asking import check, check_target, explore, foretell, rank, rehearse, time_steps
from engines.api.available import bring, hold_out, make_sample, models, prefetch, samples, task, tasks
from engines.api.pushing import push
from engines.api.running import (
    SAME,
    Listener,
    RunFailed,
    compare,
    fit,
    folder,
    longer,
    longer_job,
    recipe,
    search,
    sweep,
    work,
)
from engines.api.serving import serve
from engines.api.using import explain, export, layers, load, predict, predict_into, task_of

__all__ = [
    "SAME",
    "Listener",
    "RunFailed",
    "bring",
    "check",
    "check_target",
    "compare",
    "explain",
    "explore",
    "export",
    "fit",
    "folder",
    "foretell",
    "hold_out",
    "layers",
    "load",
    "longer",
    "longer_job",
    "make_sample",
    "models",
    "predict",
    "predict_into",
    "prefetch",
    "push",
    "rank",
    "recipe",
    "rehearse",
    "samples",
    "search",
    "serve",
    "sweep",
    "task",
    "task_of",
    "tasks",
    "time_steps",
    "work",
]
