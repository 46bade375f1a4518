"""Every queue that the conformance suite runs on: name -> how to open it on the current HEADSTART_HOME.

A further backend is one line here.
"""

from engines.jobs.local.backend import LocalBackend

QUEUES = {"local": LocalBackend}
