"""The verbs of the command line that are about all that there is: a backup, and the way back."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from engines import paths
from engines.cli.options import Json
from engines.cli.parser import app
from engines.cli.printing import answer, say
from engines.contract import InputError, Problem
from engines.jobs import backup as backups
from engines.jobs import run_file
from engines.messages import _, _n
from engines.runs import RunFolder


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


@app.command()
def pack(
    run: Annotated[Path, typer.Argument(metavar="RUN", help=_("The folder of a run that is done."), resolve_path=True)],
    out: Annotated[Path, typer.Argument(metavar="OUT", help=_("A new file, .zip."), resolve_path=True)],
    as_json: Json = False,
) -> None:
    """Write a finished run to one file, without its data, which another Headstart opens."""
    if not (run / "recipe.json").is_file():
        accepted = _("a folder with a recipe.json is accepted")
        raise InputError(Problem(str(run), _("there is no run in it"), accepted))
    written = run_file.pack(RunFolder(run), out)
    say(_("the run is in {path}", path=str(written)), as_json)
    answer({"path": str(written)}, as_json)


@app.command("open")
def open_run(
    source: Annotated[Path, typer.Argument(metavar="FILE", help=_("What `pack` wrote."), resolve_path=True)],
    as_json: Json = False,
) -> None:
    """Make a run below HEADSTART_HOME of a file that `pack`, or the page Runs, wrote."""
    found = run_file.open_file(source)
    folder = paths.runs() / found.run
    say(_("the run is in {path}", path=str(folder)), as_json)
    if count := len(found.skipped):
        left = _n("one file in it was left out", "{n} files in it were left out", count)
        say(f"{left}: {found.skipped[0].where} {found.skipped[0].reason}", as_json)
    answer({"run": str(folder), "skipped": [dataclasses.asdict(each) for each in found.skipped]}, as_json)
