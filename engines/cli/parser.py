"""The verbs of the command line: what may be written behind each, and what it answers."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from engines import api, weights
from engines.cli import values
from engines.cli.options import (
    AcceptGuesses,
    Data,
    Domain,
    Epochs,
    Json,
    ModelName,
    RunDir,
    Seed,
    Set,
    StrategyName,
    Target,
    TaskName,
    Test,
)
from engines.cli.printing import about_target, answer, bar, echo, grade, ranking, say, summary
from engines.contract import InputError
from engines.messages import _
from engines.reporting import collected, wording

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help=_("Headstart: fine-tune pretrained models, and see whether it paid."),
)


@app.command()
def models(domain: Domain = None, as_json: Json = False) -> None:
    """List the pretrained models, and which of them are here."""
    rows = [
        {"task": task, "weights": weights.where(card), **dataclasses.asdict(card)} for task, card in api.models(domain)
    ]
    for row in rows:
        size = f"{row['parameters'] / 1e6:.1f} M parameters"
        say(f"{row['task']:<24} {row['name']:<24} {size:<20} {row['licence']:<14} {row['weights']}", as_json)
    answer({"models": rows}, as_json)


@app.command()
def samples(
    domain: Domain = None,
    out: Annotated[Path | None, typer.Option(help=_("Write them below this folder."))] = None,
    as_json: Json = False,
) -> None:
    """List the sample data, or write them to a folder."""
    rows = []
    for task, sample in api.samples(domain):
        row: dict[str, Any] = {"task": task, **dataclasses.asdict(sample)}
        if out is not None:
            try:
                row["path"] = str(api.make_sample(task, sample.name, out / task))
            except InputError as error:
                row["path"], row["problem"] = None, str(error)
        rows.append(row)
        where = f" -> {row['path'] or row['problem']}" if out else ""
        where = (
            _("; new domain for {shift_of}", shift_of=", ".join(sample.shift_of)) if sample.shift_of else ""
        ) + where
        say(f"{task:<24} {sample.name:<14} {sample.title} ({sample.licence}){where}", as_json)
    answer({"samples": rows}, as_json)


@app.command()
def check(
    task: TaskName,
    data: Data,
    test: Test = None,
    model: ModelName = None,
    strategy: StrategyName = None,
    epochs: Epochs = None,
    target: Target = None,
    seed: Seed = 0,
    settings: Set = None,
    accept_guesses: AcceptGuesses = False,
    as_json: Json = False,
) -> None:
    """Say what is in the data, and what is wrong with them, without training; with --model or --strategy, also what
    `fit` would refuse of these; with --target, what is in data of a new domain."""
    chosen = ({} if epochs is None else {"epochs": epochs}) | values.settings(settings, accept_guesses)
    report = api.check(
        task, data, test=test, model=model, strategy=strategy, seed=seed, settings=chosen, progress=bar("checked")
    )
    further: dict[str, Any] = {}
    if target is not None:
        further["target"] = api.check_target(task, data, target, seed=seed, settings=chosen, progress=bar("checked"))
    say(f"{report.n_examples:,} {report.unit or api.task(task).info.unit}", as_json)
    for label, count in report.classes.items():
        say(f"  {count:>7,}  {label}", as_json)
    for guess in report.read_as:
        say(_("read as {guess}", guess=guess), as_json)
    for line in [
        *report.notes,
        *(_("left out: {where} {reason}", where=entry.where, reason=entry.reason) for entry in report.skipped),
    ]:
        say(line, as_json)
    for line in about_target(further["target"], api.task(task).info) if further else []:
        say(line, as_json)
    answer({"ok": True, **dataclasses.asdict(report), **further}, as_json)


@app.command()
def rank(
    task: TaskName,
    data: Data,
    test: Test = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            callback=values.models,
            help=_("Only this model; may be given again. By default those that are here."),
        ),
    ] = None,
    seed: Seed = 0,
    settings: Set = None,
    accept_guesses: AcceptGuesses = False,
    as_json: Json = False,
) -> None:
    """Say which model, and which depth of it, fits the data, before anything is trained."""
    chosen = values.settings(settings, accept_guesses)
    found = api.rank(
        task, data, test=test, models=model or (), seed=seed, settings=chosen, progress=bar(_("looked at"))
    )
    for line in [*ranking(found), *found["said"]]:
        say(line, as_json)
    answer(found, as_json)


@app.command()
def explore(
    task: TaskName,
    data: Data,
    out: Annotated[Path, typer.Option(help=_("Where the map is written."), resolve_path=True)],
    clusters: Annotated[
        int | None, typer.Option(help=_("How many groups to make; nobody knows how many there are."))
    ] = None,
    seed: Seed = 0,
    settings: Set = None,
    accept_guesses: AcceptGuesses = False,
    as_json: Json = False,
) -> None:
    """Look through data without labels: a map, groups, odd ones, copies, and which to label first."""
    chosen = values.settings(settings, accept_guesses)
    found = api.explore(task, data, out, clusters=clusters, seed=seed, settings=chosen, progress=bar(_("looked at")))
    say(
        _(
            "{n:,} {unit} in {clusters} groups: a number to choose, no finding",
            n=found["n"],
            unit=found["unit"],
            clusters=len(found["clusters"]),
        ),
        as_json,
    )
    for group in found["clusters"]:
        say(_("  {n:>7,}  around {medoid}", n=group["n"], medoid=group["medoid"]), as_json)
    say(_("Unlike the others: {unlike}", unlike=", ".join(found["unlike"][:5])), as_json)
    say(_("Nearly the same as an earlier one: {copies:,}", copies=len(found["copies"])), as_json)
    say(_("Label these first: {first}", first=", ".join(found["first"][: len(found["clusters"])])), as_json)
    for line in [
        *found["notes"],
        *(_("left out: {where} {reason}", where=entry["where"], reason=entry["reason"]) for entry in found["skipped"]),
    ]:
        say(line, as_json)
    answer(found, as_json)


@app.command()
def fit(
    task: TaskName,
    data: Data,
    out: Annotated[
        Path, typer.Option(help=_("The run folder to write; one that was interrupted is continued."), resolve_path=True)
    ],
    test: Test = None,
    target: Target = None,
    model: ModelName = None,
    strategy: StrategyName = None,
    epochs: Epochs = None,
    max_seconds: Annotated[float | None, typer.Option(help=_("Stop learning after this long."))] = None,
    seed: Seed = 0,
    settings: Set = None,
    accept_guesses: AcceptGuesses = False,
    forecast: Annotated[
        bool,
        typer.Option("--forecast", help=_("Say before what to expect of it, and afterwards how far off that was.")),
    ] = False,
    as_json: Json = False,
) -> None:
    """Fine-tune a model and test it."""
    given = {name: value for name, value in (("epochs", epochs), ("max_seconds", max_seconds)) if value is not None}
    chosen = given | values.settings(settings, accept_guesses)
    recipe = api.recipe(
        task, data, test=test, target=target, model=model, strategy=strategy, seed=seed, settings=chosen
    )
    if forecast:
        for line in api.foretell(recipe, out, progress=bar(_("looked at")))["said"]:
            say(line, as_json)
    result = api.fit(recipe, out, listeners=[echo])
    say(summary(result), as_json)
    for line in grade(out, result):
        say(line, as_json)
    if as_json:
        print(result.to_json(indent=None))


@app.command()
def longer(
    run: RunDir,
    epochs: Annotated[
        int | None, typer.Option(help=_("Passes in all; by default twice as many as the baseline had."))
    ] = None,
    as_json: Json = False,
) -> None:
    """Train the baseline of a finished run on, from where it stopped, and tell the verdict anew."""
    result = api.longer(run, epochs, listeners=[echo])
    say(summary(result), as_json)
    if as_json:
        print(result.to_json(indent=None))


@app.command()
def compare(
    task: TaskName,
    data: Data,
    out: Annotated[Path, typer.Option(help=_("Where the comparison is written."), resolve_path=True)],
    test: Test = None,
    model: ModelName = None,
    strategy: StrategyName = None,
    budgets: Annotated[str, typer.Option(help=_("Numbers of training examples, comma-separated."))] = "10,30,100",
    seeds: Annotated[int, typer.Option(min=1, max=100, help=_("Most repetitions; fewer once it is decided."))] = 3,
    seed: Seed = 0,
    settings: Set = None,
    accept_guesses: AcceptGuesses = False,
    as_json: Json = False,
) -> None:
    """See whether transfer pays as labels grow: the strategy against training from scratch."""
    chosen = values.settings(settings, accept_guesses)
    recipe = api.recipe(task, data, test=test, model=model, strategy=strategy, seed=seed, settings=chosen)
    found = api.compare(recipe, out, values.numbers(budgets), seeds, listeners=[echo])
    for point in found["points"]:
        say(_("{budget:>7,} {strategy:<10} {mean:.3f} ({low:.3f} to {high:.3f}), {seeds} seeds", **point), as_json)
    verdict = collected.of_comparison(found)
    metric = api.task(task).info.metric
    say(wording.sentence(verdict, metric, recipe.strategy, level=found["level"]), as_json)
    say(
        _(
            "Labels saved: {labels_saved_text}\nTime saved: {time_saved_text}",
            labels_saved_text=found["labels_saved_text"],
            time_saved_text=found["time_saved_text"],
        ),
        as_json,
    )
    answer(found, as_json)


@app.command()
def sweep(
    task: TaskName,
    data: Data,
    out: Annotated[Path, typer.Option(help=_("Where the sweep is written."), resolve_path=True)],
    test: Test = None,
    model: ModelName = None,
    blocks: Annotated[str, typer.Option(help=_("Numbers of blocks, comma-separated; by default every one."))] = "",
    seeds: Annotated[int, typer.Option(min=3, max=100, help=_("Repetitions of each training."))] = 3,
    seed: Seed = 0,
    settings: Set = None,
    accept_guesses: AcceptGuesses = False,
    as_json: Json = False,
) -> None:
    """See how a classifier's score follows the number of blocks that learn, on what is held out to choose by."""
    chosen = values.settings(settings, accept_guesses)
    recipe = api.recipe(task, data, test=test, model=model, strategy="partial", seed=seed, settings=chosen)
    found = api.sweep(recipe, out, seeds, values.numbers(blocks, "--blocks") if blocks else (), listeners=[echo])
    for point in found["points"]:
        say(_("{blocks:>7,} blocks learn  {mean:.3f} ({low:.3f} to {high:.3f}), {seeds} seeds", **point), as_json)
    say(found["sentence"], as_json)
    answer(found, as_json)


@app.command()
def prefetch(
    domain: Domain = None,
    dest: Annotated[Path, typer.Option(help=_("A folder to use as HEADSTART_MODELS elsewhere."))] = Path("models"),
    as_json: Json = False,
) -> None:
    """Copy the catalogue's weights into a folder, for machines without a network."""
    copied, problems = api.prefetch(domain, dest)
    for path in copied:
        say(str(path), as_json)
    for problem in problems:
        print(problem, file=sys.stderr)
    answer({"copied": list(map(str, copied)), "problems": list(map(str, problems))}, as_json)
    if not copied:
        raise typer.Exit(2)
