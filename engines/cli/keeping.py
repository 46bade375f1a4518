"""The verbs of the command line that are about all that there is: a backup, and the way back."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from engines.cli.options import Json
from engines.cli.parser import app
from engines.cli.printing import answer, say
from engines.jobs import backup as backups
from engines.messages import _


@app.command()
def backup(
    out: Annotated[Path, typer.Argument(metavar="OUT", help=_("A new file, .tar or .tar.gz."), resolve_path=True)],
    as_json: Json = False,
) -> None:
    """Keep runs, uploads and data sets of HEADSTART_HOME in one file that its owner alone can read; runs may go on."""
    kept = backups.backup(out)
    size = f"{kept.bytes / 1e6:,.1f} MB"
    say(_("{what} in {path} ({size})", what=backups.in_words(kept), path=kept.path, size=size), as_json)
    answer(dataclasses.asdict(kept), as_json)


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(metavar="FILE", help=_("What `backup` wrote."), resolve_path=True)],
    as_json: Json = False,
) -> None:
    """Make HEADSTART_HOME, which has to be new or empty, of a backup; what was at work in it can be resumed."""
    kept = backups.restore(source)
    say(_("{what} in {path}", what=backups.in_words(kept), path=kept.path), as_json)
    for run in kept.unreadable:
        say(_("run {run} is there as it was, and this version cannot open it", run=run), as_json)
    answer(dataclasses.asdict(kept), as_json)
