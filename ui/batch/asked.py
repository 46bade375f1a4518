"""A run that asks a model about many examples, read from its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engines.contract import InputError
from engines.messages import _
from engines.runs import RunFolder


def model_of(run: RunFolder) -> RunFolder | None:
    """The run whose model is asked; None where it is gone."""
    try:
        return RunFolder.find(str(run.job.arguments.get("run", "")))
    except InputError:
        return None


def summary(run: RunFolder) -> dict[str, Any] | None:
    """What there is of answers, see `reporting.answers`; None before there are any."""
    from engines.reporting import answers

    return answers.summary(run.path)


def in_short(run: RunFolder) -> str:
    """What came of it, for a list; empty while it goes on."""
    found = summary(run)
    if found is None:
        return ""
    bad = _(", {bad:,} could not be read", bad=found["bad"]) if found["bad"] else ""
    return _("{n:,} answers{bad}", n=found["n"] - found["bad"], bad=bad)


def by_its_own_name(run: RunFolder, text: str) -> str:
    """A sentence about the data with the name that their owner gave them, not ours."""
    return text.replace(Path(run.recipe.data).name, run.recipe.title)
