"""Sites that somebody has taken from a federation that goes on, to see what becomes of it: a file a site in its run."""

from __future__ import annotations

from engines.contract import Run
from engines.runs import RunFolder

FOLDER = "lost"


def lose(run: RunFolder, site: int) -> None:
    """From its next round on that site answers no more."""
    run.write(f"{FOLDER}/{site}", "")


def asked(run: Run) -> set[int]:
    """The sites that are lost."""
    return {int(path.name) for path in (run.path / FOLDER).glob("*") if path.name.isdecimal()}
