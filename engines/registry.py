"""Names of domains and tasks, and the code behind them, imported only when used.

A new task is one line here and one folder in its domain's.
"""

from __future__ import annotations

import functools
import importlib
import os

from engines.contract import DomainInfo, InputError, Problem, Strategy, Task
from engines.messages import _

TASKS = {
    "vision.classification": "engines.vision.classification.task:Classification",
    "vision.detection": "engines.vision.detection.task:Detection",
    "text.sentiment": "engines.text.sentiment.task:Sentiment",
    "text.generation": "engines.text.generation.task:Generation",
    "text.translation": "engines.text.translation.task:Translation",
    "forecasting.forecast": "engines.forecasting.forecast.task:Forecast",
    "speech.transcription": "engines.speech.transcription.task:Transcription",
    "speech.speaker": "engines.speech.speaker.task:Speaker",
    "control.policy": "engines.control.policy.task:ControlPolicy",
}


def known() -> dict[str, str]:
    """TASKS, and what HEADSTART_EXTRA_TASKS adds ("name=module:Class;name=…"): a task from outside the project."""
    extra = os.environ.get("HEADSTART_EXTRA_TASKS", "")
    return {**TASKS, **dict(entry.strip().split("=", 1) for entry in extra.split(";") if "=" in entry)}


def names(domain: str | None = None) -> list[str]:
    """Registered task names, of one domain or all. Raises InputError for an unknown domain."""
    domains = {name.split(".")[0] for name in known()}
    if domain is not None and domain not in domains:
        raise InputError(
            Problem(
                "domain",
                _("there is no domain {domain!r}", domain=domain),
                _("known: {domains}", domains=", ".join(sorted(domains))),
            )
        )
    return [name for name in known() if domain in (None, name.split(".")[0])]


@functools.cache
def task(name: str) -> Task:
    """The task of that name. Raises InputError for an unknown one."""
    if name not in known():
        raise InputError(
            Problem("task", _("there is no task {name!r}", name=name), _("known: {known}", known=", ".join(known())))
        )
    module, attribute = known()[name].split(":")
    found: Task = getattr(importlib.import_module(module), attribute)()
    return found


def domains() -> dict[str, DomainInfo]:
    """Domain -> what it says of itself: DOMAIN of the folder around its tasks' folders."""
    found: dict[str, DomainInfo] = {}
    for name, where in known().items():
        domain = name.split(".")[0]
        if domain not in found:
            package = where.split(":")[0].rsplit(".", 2)[0]
            found[domain] = importlib.import_module(package).DOMAIN
    return found


def strategies() -> set[Strategy]:
    """Every strategy that some task offers."""
    return {strategy for name in names() for strategy in task(name).info.strategies}
