"""The command line: what the pages do, through the same calls.

python -m engines fit vision.classification --data photographs.zip --out run
"""

from __future__ import annotations

import dataclasses
import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from engines import places, registry, weights
from engines.contract import Cancelled, Event, InputError, Problem, Recipe, Result, Strategy
from engines.evidence.words import on_some, sentence
from engines.jobs import failures, worker
from engines.runs import RunFolder

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Headstart: fine-tune pretrained models, and see whether it paid."
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]
Data = Annotated[Path, typer.Option("--data", help="A folder, a zip or a file.")]
TaskName = Annotated[str, typer.Argument(metavar="TASK", help="For instance vision.classification.")]
Domain = Annotated[str | None, typer.Argument(metavar="[DOMAIN]", help="For instance vision; all of them without it.")]
RunDir = Annotated[Path, typer.Argument(metavar="RUN_DIR", help="The folder that `fit` wrote.", resolve_path=True)]
ModelName = Annotated[str | None, typer.Option("--model", help="See `models`; by default the task's own.")]
StrategyName = Annotated[
    str | None, typer.Option("--strategy", help=f"{', '.join(Strategy)}; by default what suits the task.")
]
Seed = Annotated[int, typer.Option(help="Draws the split, the weights and the order.")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="One setting, or KEY=@FILE with its value in it; may be given again."
    ),
]
Test = Annotated[Path | None, typer.Option(help="Separate test data; without it a part of --data is kept.")]


@app.command()
def models(domain: Domain = None, as_json: Json = False) -> None:
    """List the pretrained models, and which of them are here."""
    rows = [
        {"task": name, "weights": weights.where(card), **dataclasses.asdict(card)}
        for name in registry.names(domain)
        for card in registry.task(name).models()
    ]
    for row in rows:
        size = f"{row['parameters'] / 1e6:.1f} M parameters"
        print(
            f"{row['task']:<24} {row['name']:<24} {size:<20} {row['licence']:<14} {row['weights']}",
            file=_prose(as_json),
        )
    if as_json:
        print(json.dumps({"models": rows}, ensure_ascii=False))


@app.command()
def samples(
    domain: Domain = None,
    out: Annotated[Path | None, typer.Option(help="Write them below this folder.")] = None,
    as_json: Json = False,
) -> None:
    """List the sample data, or write them to a folder."""
    rows = []
    for name in registry.names(domain):
        for sample in registry.task(name).samples():
            row: dict[str, Any] = {"task": name, **dataclasses.asdict(sample)}
            if out is not None:
                try:
                    row["path"] = str(registry.task(name).make_sample(sample.name, out / name))
                except InputError as error:
                    row["path"], row["problem"] = None, str(error)
            rows.append(row)
            where = f" -> {row['path'] or row['problem']}" if out else ""
            print(f"{name:<24} {sample.name:<14} {sample.title} ({sample.licence}){where}", file=_prose(as_json))
    if as_json:
        print(json.dumps({"samples": rows}, ensure_ascii=False))


@app.command()
def check(
    task: TaskName, data: Data, test: Test = None, seed: Seed = 0, settings: Set = None, as_json: Json = False
) -> None:
    """Say what is in the data, and what is wrong with them, without training."""
    given, problems = _pairs(settings)
    if problems:
        raise InputError(*problems)
    chosen = registry.task(task).settings.parse(given)
    report = registry.task(task).check(data, test=test, seed=seed, settings=chosen, progress=_bar("checked"))
    print(f"{report.n_examples:,} {registry.task(task).info.unit}", file=_prose(as_json))
    for label, count in report.classes.items():
        print(f"  {count:>7,}  {label}", file=_prose(as_json))
    for line in [*report.notes, *(f"left out: {entry.where} {entry.reason}" for entry in report.skipped)]:
        print(line, file=_prose(as_json))
    if as_json:
        print(json.dumps({"ok": True, **dataclasses.asdict(report)}, ensure_ascii=False))


@app.command()
def fit(
    task: TaskName,
    data: Data,
    out: Annotated[
        Path, typer.Option(help="The run folder to write; one that was interrupted is continued.", resolve_path=True)
    ],
    test: Test = None,
    model: ModelName = None,
    strategy: StrategyName = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training data.")] = None,
    max_seconds: Annotated[float | None, typer.Option(help="Stop learning after this long.")] = None,
    seed: Seed = 0,
    settings: Set = None,
    as_json: Json = False,
) -> None:
    """Fine-tune a model and test it."""
    given = {"epochs": epochs, "max_seconds": max_seconds}
    recipe = _recipe(
        task, data, test, model, strategy, seed, settings, {k: v for k, v in given.items() if v is not None}
    )
    run = _run_folder(out, recipe)
    with _echo(run):
        status = worker.execute(run)
    if status != 0:
        _, message = run.state
        print(message, file=sys.stderr)
        raise typer.Exit(status)
    result = run.result
    assert result is not None
    print(_summary(result), file=_prose(as_json))
    if as_json:
        print(result.to_json(indent=None))


@app.command()
def predict(run: RunDir, data: Data, as_json: Json = False) -> None:
    """Ask a fine-tuned model."""
    rows = _task_of(run).load(run).predict(data)
    for row in rows:
        sure = f" {row['confidence']:.1%}" if "confidence" in row else ""
        answer = f"{row['label']}{sure}" if "label" in row else f"left out: {row.get('error')}"
        if "ds" in row:
            answer = f"{row['ds']} {row['value']:.6g} ({row['low']:.6g} to {row['high']:.6g})"
        print(f"{row['file']:<40} {answer}", file=_prose(as_json))
    if as_json:
        print(json.dumps({"run": run.name, "predictions": rows}, ensure_ascii=False))


@app.command()
def compare(
    task: TaskName,
    data: Data,
    out: Annotated[Path, typer.Option(help="Where the comparison is written.", resolve_path=True)],
    test: Test = None,
    model: ModelName = None,
    strategy: StrategyName = None,
    budgets: Annotated[str, typer.Option(help="Numbers of training examples, comma-separated.")] = "10,30,100",
    seeds: Annotated[int, typer.Option(min=1, max=100, help="Repetitions of each training.")] = 3,
    seed: Seed = 0,
    settings: Set = None,
    as_json: Json = False,
) -> None:
    """See whether transfer pays as labels grow: the strategy against training from scratch."""
    recipe = _recipe(task, data, test, model, strategy, seed, settings, {})
    run = _run_folder(out, recipe)
    with worker.signals_cancel(run), _echo(run):
        points, verdict = registry.task(task).compare(recipe, run, _numbers(budgets), seeds)
    answer = {
        "task": task,
        "model": recipe.model,
        "strategy": recipe.strategy,
        "metric": registry.task(task).info.metric,
        "points": points,
        "verdict": verdict.verdict,
        "against": verdict.against,
        **dataclasses.asdict(verdict.difference),
    }
    run.write("comparison.json", json.dumps(answer, indent=2))
    for point in points:
        print(
            "{budget:>7,} {strategy:<10} {mean:.3f} ({low:.3f} to {high:.3f}), {seeds} seeds".format(**point),
            file=_prose(as_json),
        )
    print(sentence(verdict, answer["metric"]), file=_prose(as_json))
    if as_json:
        print(json.dumps(answer, ensure_ascii=False))


def _what_mattered(row: dict[str, Any]) -> str:
    """Where its picture lies, or the words that added most, or why there is neither."""
    if "tokens" not in row:
        return str(row.get("picture") or row["error"])
    ranked = sorted(zip(row["tokens"], row["scores"], strict=True), key=lambda pair: -abs(pair[1]))
    return f"{row['label']}: " + ", ".join(f"{token} {score:+.2f}" for token, score in ranked[:5])


@app.command()
def explain(
    run: RunDir,
    data: Data,
    out: Annotated[Path, typer.Option(help="Where the pictures go.")],
    method: Annotated[str | None, typer.Option(help="How; by default what suits the model.")] = None,
    as_json: Json = False,
) -> None:
    """Show what the model looked at."""
    rows = _task_of(run).explain(run, data, out, method=method)
    for row in rows:
        print(f"{row['file']:<40} {_what_mattered(row)}", file=_prose(as_json))
    if as_json:
        print(json.dumps({"run": run.name, "explanations": rows}, ensure_ascii=False))


@app.command()
def export(
    run: RunDir,
    out: Annotated[Path, typer.Option(help="A folder, or a name that ends in .zip.")],
    format: Annotated[
        str | None, typer.Option(help="safetensors, onnx, sb3 or script; by default the first that the task offers")
    ] = None,
    as_json: Json = False,
) -> None:
    """Take the model home."""
    found = _task_of(run)
    format = format or found.info.exports[0]
    path = found.export(run, format, out)
    print(path, file=_prose(as_json))
    if as_json:
        print(json.dumps({"run": run.name, "format": format, "path": str(path)}, ensure_ascii=False))


@app.command()
def prefetch(
    domain: Domain = None,
    dest: Annotated[Path, typer.Option(help="A folder to use as HEADSTART_MODELS elsewhere.")] = Path("models"),
    as_json: Json = False,
) -> None:
    """Copy the catalogue's weights into a folder, for machines without a network."""
    cards = [card for name in registry.names(domain) for card in registry.task(name).models()]
    copied, problems = weights.prefetch(cards, dest)
    for path in copied:
        print(path, file=_prose(as_json))
    for problem in problems:
        print(problem, file=sys.stderr)
    if as_json:
        print(
            json.dumps(
                {"copied": [str(path) for path in copied], "problems": [str(problem) for problem in problems]},
                ensure_ascii=False,
            )
        )
    if not copied:
        raise typer.Exit(2)


# --- what the verbs share -------------------------------------------------------------------------


def _recipe(
    task: str,
    data: Path,
    test: Path | None,
    model: str | None,
    strategy: str | None,
    seed: int,
    pairs: list[str] | None,
    given: dict[str, Any],
) -> Recipe:
    """A recipe whose names and settings are known to be right. Raises InputError with every problem at once."""
    found = registry.task(task)
    strategy = strategy or str(found.info.usual)
    pairs_given, problems = _pairs(pairs)
    given |= pairs_given
    try:
        changed = found.settings.parse(given).changed()
    except InputError as error:
        problems += error.problems
    if strategy not in found.info.strategies:
        problems.append(
            Problem(
                "strategy", f"{strategy!r} is not offered by {task}", f"accepted: {', '.join(found.info.strategies)}"
            )
        )
    for name, path in (("--data", data), ("--test", test)):
        if path is not None and not path.exists():
            problems.append(Problem(name, f"there is no {path}", "accepted: a folder, a zip or a file"))
    if problems:
        raise InputError(*problems)
    card = found.describe(model or found.model_for(data, found.settings.parse(changed)))
    return Recipe(
        task=task, data=str(data.absolute()), test=str(test.absolute()) if test else None, model=card.name,
        strategy=Strategy(strategy), seed=seed, settings=changed,
    )  # fmt: skip


def _pairs(pairs: list[str] | None) -> tuple[dict[str, Any], list[Problem]]:
    """The settings in KEY=VALUE and KEY=@FILE, and what is wrong with them."""
    given: dict[str, Any] = {}
    problems = []
    for pair in pairs or []:
        name, equals, value = pair.partition("=")
        if equals and value.startswith("@"):
            try:
                given[name.strip()] = Path(value[1:]).read_text(encoding="utf-8").strip()
            except (OSError, ValueError):
                problems.append(Problem(f"--set {pair}", "this file cannot be read", "accepted: key=value, key=@file"))
        elif equals:
            given[name.strip()] = value.strip()
        else:
            problems.append(Problem(f"--set {pair}", "there is no '='", "accepted: key=value"))
    return given, problems


def _run_folder(out: Path, recipe: Recipe) -> RunFolder:
    """A fresh run folder, or that of the same recipe, to be continued. Raises InputError when it holds another run."""
    run = RunFolder(out)
    if (out / "recipe.json").is_file():
        old = run.recipe
        same = ("task", "data", "test", "model", "strategy", "seed", "settings")
        if any(getattr(old, key) != getattr(recipe, key) for key in same):
            raise InputError(
                Problem(
                    f"--out {out}",
                    "another run is in this folder",
                    "accepted: an empty folder, or the same recipe again",
                )
            )
        run.clear_cancel()
        return run
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(Problem(f"--out {out}", "it is not empty", "accepted: a folder that is new or empty"))
    return RunFolder.create(recipe, out)


def _task_of(run: Path) -> Any:
    if not (run / "recipe.json").is_file():
        raise InputError(Problem(str(run), "this is no run folder", "accepted: a folder that `fit` wrote"))
    return registry.task(RunFolder(run).recipe.task)


def _numbers(text: str) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 1:
        raise InputError(
            Problem("--budgets", f"found {text!r}", "accepted: whole numbers with commas, such as 10,30,100")
        )
    return numbers


def _prose(as_json: bool) -> Any:
    """Where sentences for people go: with --json standard output is for the object alone."""
    return sys.stderr if as_json else sys.stdout


def _bar(verb: str) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{verb} {done:,} of {total:,}", end="\n" if done == total else "", file=sys.stderr, flush=True)

    return progress


class _echo:
    """Prints a run's events for people as they come (standard error)."""

    def __init__(self, run: RunFolder):
        self.run, self.emit = run, run.emit

    def __enter__(self) -> None:
        def emit(kind: str, **data: Any) -> None:
            self.emit(kind, **data)
            if line := line_of(Event(0, 0.0, kind, data)):
                print(line, file=sys.stderr, flush=True)

        self.run.emit = emit  # type: ignore[method-assign]

    def __exit__(self, *_: object) -> None:
        self.run.emit = self.emit  # type: ignore[method-assign]


def line_of(event: Event) -> str | None:
    """One line with units for an event a person would want to read, else None."""
    data = event.data
    match event.kind:
        case "phase":
            return f"{data['title']} …"
        case "note":
            return f"note: {data['message']}"
        case "progress" if data["done"] == data["total"] or data.get("phase") == "comparing":
            rate = f", {data['rate']:,} a second" if "rate" in data else ""
            return f"  {data['done']:,} of {data['total']:,} {data['unit']}{rate}"
        case "epoch" if data["epoch"] % max(1, data["epochs"] // 12) == 0:
            checked = f", validation loss {data['validation_loss']:.4f}" if "validation_loss" in data else ""
            rate = f"{data['rate']:,.0f} {data['unit']}/s"
            return f"  epoch {data['epoch']}/{data['epochs']}: loss {data['train_loss']:.4f}{checked}, {rate}"
    return None


def _summary(result: Result) -> str:
    interval = f"(95 % interval {result.low:.3f} to {result.high:.3f})"
    folds = f" in {result.details['folds']} folds" if result.details.get("folds") else ""
    rests_on = f"on {result.n_test:,} test examples{folds}, {result.seconds:.0f} s"
    lines = [f"{result.metric} {result.value:.3f} {interval} {rests_on}"]
    lines += [
        f"  baseline {name}: {value:.3f}{on_some(result.baseline_details.get(name))}"
        for name, value in result.baselines.items()
    ]
    if result.verdict:
        lines.append("  " + sentence(result.verdict, result.metric))
    return "\n".join(lines)


def main() -> int:
    """Runs the command line; returns its exit status."""
    try:
        return app(standalone_mode=False) or 0
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except Cancelled:
        print("Cancelled. What was learnt so far is kept.", file=sys.stderr)
        return 130
    except typer.TyperException as error:  # the command was mistyped
        if what := error.format_message():  # nothing where the help was shown instead
            verb = getattr(getattr(error, "ctx", None), "info_name", None) or "COMMAND"
            print(f"{what.rstrip('.')}; see python -m engines {verb} --help.", file=sys.stderr)
        return 2
    except typer.Abort:
        return 130
    except Exception as error:
        log = places.home() / "errors.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            traceback.print_exc(file=file)
        print(failures.sentence(error, str(log)), file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
