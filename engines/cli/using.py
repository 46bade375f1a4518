"""What is done with a finished run on the command line: it is asked, explained, and taken home."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from engines import api
from engines.cli.options import Data, Json, RunDir
from engines.cli.parser import app
from engines.cli.printing import answer, answered, bar, say, what_mattered
from engines.contract import InputError, Problem
from engines.messages import _

Table = Annotated[Path | None, typer.Option(help=_("Write the answers as a table: a .csv or a .parquet file."))]

Format = Annotated[
    str | None,
    typer.Option(help=_("One that the task offers, such as onnx, script, service or app; by default the first.")),
]


@app.command()
def predict(run: RunDir, data: Data, out: Table = None, as_json: Json = False) -> None:
    """Ask a fine-tuned model."""
    if out is not None:
        found = api.predict_into(run, data, out, bar(_("asked")))
        for entry in found["first_bad"]:
            say(_("left out: {where} {reason}", where=entry["file"], reason=entry["error"]), as_json)
        say(str(out), as_json)
        answer({"run": run.name, "path": str(out), **found}, as_json)
        return
    rows = api.predict(run, data)
    for row in rows:
        say(f"{row['file']:<40} {answered(row)}", as_json)
    answer({"run": run.name, "predictions": rows}, as_json)


@app.command()
def explain(
    run: RunDir,
    data: Data,
    out: Annotated[Path, typer.Option(help=_("Where the pictures go."))],
    method: Annotated[str | None, typer.Option(help=_("How; by default what suits the model."))] = None,
    as_json: Json = False,
) -> None:
    """Show what the model looked at."""
    rows = api.explain(run, data, out, method=method)
    for row in rows:
        say(f"{row['file']:<40} {what_mattered(row)}", as_json)
    answer({"run": run.name, "explanations": rows}, as_json)


@app.command()
def export(
    run: RunDir,
    out: Annotated[Path, typer.Option(help=_("A folder, or a name that ends in .zip."))],
    format: Format = None,
    as_json: Json = False,
) -> None:
    """Take the model home."""
    format = format or api.task_of(run).info.exports[0]
    path = api.export(run, out, format)
    say(str(path), as_json)
    answer({"run": run.name, "format": format, "path": str(path)}, as_json)


@app.command()
def push(
    run: RunDir,
    to: Annotated[str, typer.Option(metavar="OWNER/NAME", help=_("The repository; a new one is made."))],
    format: Annotated[
        str | None, typer.Option(help=_("safetensors, onnx, sb3 or web, as the task offers them."))
    ] = None,
    public: Annotated[
        bool, typer.Option("--public", help=_("Let everybody see a new one; else you alone do."))
    ] = False,
    as_json: Json = False,
) -> None:
    """Send the model to the Hugging Face hub, without your data. The token is that of HF_TOKEN or of `hf auth login`,
    or asked for; it is not kept."""
    from engines.exports import push as hub

    format = hub.require_possible(api.task_of(run), to, format)
    address = api.push(run, to, _token(), format=format, private=not public)
    say(address, as_json)
    answer({"run": run.name, "to": to, "format": format, "url": address, "private": not public}, as_json)


def _token() -> str:
    """Raises InputError where there is none and nobody to ask."""
    from huggingface_hub import get_token

    if found := get_token():
        return str(found)
    if not sys.stdin.isatty():
        accepted = _("accepted: HF_TOKEN in the environment, or `hf auth login` beforehand")
        raise InputError(Problem("token", _("there is none"), accepted))
    return str(typer.prompt(_("Token of the hub (it is not shown and not kept)"), hide_input=True))


@app.command()
def serve(
    run: RunDir,
    host: Annotated[str, typer.Option(help=_("0.0.0.0 to be reached from other machines."))] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
) -> None:
    """Let a fine-tuned model answer over HTTP, with a page to try it on, until Ctrl-C."""
    api.task_of(run)
    say(_("Getting the model ready …"), as_json=False)
    raise typer.Exit(api.serve(run, host, port))
