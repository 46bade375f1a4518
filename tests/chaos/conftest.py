"""The task that counts, here and in the processes that tests start."""

from tests.jobs.conftest import toy_task

__all__ = ["toy_task"]
