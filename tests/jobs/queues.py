"""Every queue that the conformance suite runs on: name -> how to open it on the current HEADSTART_HOME.

A further backend or launcher is one line here. On a real Ray cluster it runs where RAY_TEST_ADDRESS names one, as
`make ray-test` does with a cluster of its own (scripts/test_on_ray.py).
"""

import os

from engines.jobs.local.backend import LocalBackend

QUEUES = {"local": LocalBackend}


def on_ray() -> LocalBackend:
    """One run at a time, as on a machine without a card. Whoever calls it puts the environment right again."""
    os.environ["HEADSTART_LAUNCHER"] = "ray"
    os.environ["HEADSTART_RAY_ADDRESS"] = os.environ["RAY_TEST_ADDRESS"]
    os.environ["HEADSTART_RUN_CPUS"] = "1"
    os.environ.setdefault("HEADSTART_MAX_RUNNING", "1")
    return LocalBackend()


if "RAY_TEST_ADDRESS" in os.environ:
    QUEUES["ray"] = on_ray
