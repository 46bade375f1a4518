"""What several verbs take: an option or argument each, with what `--help` says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engines.cli import values
from engines.messages import _

Json = Annotated[bool, typer.Option("--json", help=_("Print one JSON object as the last line."))]
Data = Annotated[Path, typer.Option("--data", help=_("A folder, a zip or a file."))]
TaskName = Annotated[str, typer.Argument(metavar="TASK", is_eager=True, help=_("For instance vision.classification."))]
Domain = Annotated[
    str | None, typer.Argument(metavar="[DOMAIN]", help=_("For instance vision; all of them without it."))
]
RunDir = Annotated[Path, typer.Argument(metavar="RUN_DIR", help=_("The folder that `fit` wrote."), resolve_path=True)]
ModelName = Annotated[
    str | None,
    typer.Option(
        "--model",
        callback=values.model,
        help=_("See `models`; or ARCHITECTURE@FILE.safetensors, or the RUN_DIR of a finished run."),
    ),
]
StrategyName = Annotated[
    str | None, typer.Option("--strategy", help=_("How much learns, e.g. features; by default what suits the task."))
]
Epochs = Annotated[int | None, typer.Option(help=_("Passes over the training data."))]
Seed = Annotated[int, typer.Option(help=_("Draws the split, the weights and the order."))]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help=_("One setting, or KEY=@FILE with its value in it; may be given again.")
    ),
]
AcceptGuesses = Annotated[
    bool, typer.Option("--accept-guesses", help=_("Where two readings of the data are as likely, do not ask."))
]
Test = Annotated[Path | None, typer.Option(help=_("Separate test data; without it a part of --data is kept."))]

Target = Annotated[Path | None, typer.Option(help=_("Data of a new domain, without labels, to adapt the model to."))]
