"""What the tasks share that tell classes apart."""

from __future__ import annotations

from typing import ClassVar

from engines.contract import Task


class ClassificationTask(Task):
    """A classifier. The verbs that all of them do alike stand beside this file."""

    goes_on: ClassVar[bool] = True
