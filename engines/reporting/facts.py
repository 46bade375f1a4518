"""What a run says of itself, as data and sentences: report and model card only lay it out, so they say the same."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.contract import Estimate, Metric, ModelCard, Recipe, Result, Skipped, Strategy, TaskInfo
from engines.reporting import collected, comparisons, foreseen, groups, wording
from engines.reporting.collected import Line
from engines.reporting.groups import Groups

WITHOUT = "It was not compared with training from scratch in this run."
UNMEASURED = "Not measured: there is no test here of what the model could do before."


@dataclass(frozen=True)
class Measure:
    """A line of a table: a number of some metric, with its interval where there is one."""

    name: str
    metric: Metric | str
    value: float
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, name: str, metric: Metric | str, found: Estimate | dict[str, Any]) -> Measure:
        """From an estimate, or from one that was written to JSON."""
        own = found if isinstance(found, dict) else vars(found)
        return cls(name, metric, own["value"], own["low"], own["high"])

    @property
    def shown(self) -> str:
        return wording.value(self.metric, self.value)

    @property
    def between(self) -> str:
        """'80.0% to 93.0%'; empty without an interval."""
        if self.low is None or self.high is None:
            return ""
        return f"{wording.value(self.metric, self.low)} to {wording.value(self.metric, self.high)}"


@dataclass(frozen=True)
class Facts:
    """A run, told. Nothing in it names the data or where they lie, except what is said to."""

    title: str
    what: str
    """What it is, in one sentence."""
    trained: str
    """How it was trained, in a sentence or two."""
    metric: Metric
    measures: tuple[Measure, ...]
    """The run's own number, further ones, the baselines."""
    tested_on: str
    """'500 test photographs that it never saw'"""
    drawn: str
    """What the intervals were drawn over, where a task says it: ' (bootstrap over conversations)'."""
    compared: tuple[str, ...]
    """What the run was compared with and what that came to, a sentence each; the one that matters most comes first."""
    rests_on: tuple[tuple[str, ...], ...]
    """What each of these stands on, a row as in RESTS_ON: 'shows from' is the smallest difference that such a test
    shows."""
    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    """Rows true, columns predicted; empty where nothing is told apart."""
    groups: tuple[Groups, ...]
    """How good it is for each class, speaker, accent or series. Names of groups other than classes are data."""
    calibration: dict[str, Any] | None
    believed: str
    """Whether its percentages can be believed; empty where it gives none."""
    cost: tuple[tuple[str, str], ...]
    foreseen: tuple[str, ...]
    """What was forecast before training and what came of it, and how far the data are from the source's."""
    forgetting: str
    forgot: tuple[Measure, ...]
    """What the model could do before and after, where that is measured."""
    made_from: dict[str, Any]
    """Model, strategy, seed, settings, digest of the data, versions."""
    repeat: str
    """The command that repeats the run, given the same data."""
    load: str
    input: str
    limits: str
    skipped: tuple[Skipped, ...]
    """What was left out of the data. Its names are data."""


def collect(result: Result, recipe: Recipe, card: ModelCard, info: TaskInfo, folder: Path | None = None) -> Facts:
    """All that a run knows of itself. `folder` is the run's: what lies in it besides the result is told too."""
    own: dict[str, Any] = result.details.get("card", {})  # where a task says it in words of its own
    learnt_from = own.get("learnt_from", f"{result.n_train:,} {info.unit}")
    told = tuple(wording.sentence(verdict, info.metric, result.strategy) for verdict in comparisons.told(result))
    return Facts(
        title=recipe.title or f"{card.title}, {result.strategy}",
        what=_what(result, card, info, learnt_from),
        trained=_trained(result, info, own),
        metric=info.metric,
        measures=tuple(_measures(result, info, own.get("rows", {}))),
        tested_on=f"{result.n_test:,} test {own.get('tested_on', f'{info.unit} that it never saw')}",
        drawn=own.get("drawn", ""),
        compared=told or (own.get("verdict", WITHOUT),),
        rests_on=tuple(map(_rests_on, collected.of_result(result, recipe, info))),
        classes=tuple(result.details.get("classes", ())),
        confusion=tuple(map(tuple, result.details.get("confusion", ()))),
        groups=groups.found(result, folder),
        calibration=result.details.get("calibration"),
        believed=_believed(result, info),
        cost=tuple(_cost(result)),
        foreseen=foreseen.told(result, recipe, info.metric, folder),
        **_forgetting(result),
        made_from=_made_from(recipe),
        repeat=_repeat(recipe),
        load=result.details.get("load_snippet", ""),
        input=result.details.get("input", ""),
        limits=_limits(result, card, own),
        skipped=tuple(result.skipped),
    )


RESTS_ON = ("against", "difference (95 % interval)", "tested on", "seeds", "speaks of", "shows from")
"""Heads of the table of `Facts.rests_on`."""


def _rests_on(line: Line) -> tuple[str, ...]:
    d = line.verdict.difference
    value, between = line.difference
    of = "training" if line.of_training else "two networks"
    return wording.other(line.verdict), f"{value} ({between})", f"{d.n:,}", str(d.seeds), of, line.shows


def _what(result: Result, card: ModelCard, info: TaskInfo, learnt_from: str) -> str:
    model = f"{card.title} ({card.source}; {card.source_task})"
    share = f"{result.trainable_parameters:,} of {result.parameters:,} parameters learnt from {learnt_from}"
    does = f"{info.title} ({info.unit}): "
    match result.strategy:
        case Strategy.ZERO_SHOT:
            return f"{does}{model} as it came; nothing learnt."
        case Strategy.SCRATCH:
            return f"{does}the network of {model} from random weights: {share}."
    read = result.details.get("card", {}).get("read", "")  # ' on what the first 5 of its 8 blocks see'
    return f"{does}{model}, adapted with strategy {result.strategy}{read}: {share}."


def _trained(result: Result, info: TaskInfo, own: dict[str, Any]) -> str:
    if result.strategy == Strategy.ZERO_SHOT:
        return f"Nothing was trained. Tested on {result.device}, {result.precision}, in {result.seconds:.0f} s."
    if result.strategy == Strategy.PROTOTYPES:
        return f"Each class was averaged, on {result.device}, {result.precision}, in {result.seconds:.0f} s."
    chosen_by = own.get("chosen_by", f"{result.n_validation:,} {info.unit} decided when to stop.")
    return (
        f"{result.epochs} epochs (best: {result.best_epoch}) on {result.device}, {result.precision}, "
        f"in {result.seconds:.0f} s, seed {result.seed}. {chosen_by}"
    )


def _measures(result: Result, info: TaskInfo, names: dict[str, str]) -> list[Measure]:
    metric = info.metric
    lines = [Measure(metric.title, metric, result.value, result.low, result.high)]
    lines += [Measure.of(names.get(n) or n.replace("_", " "), n, found) for n, found in result.metrics.items()]
    for name, value in result.baselines.items():
        known = result.baseline_details.get(name) or {}
        usual = f"baseline: {name.replace('_', ' ')}, {wording.within(metric.title)}{wording.on_some(known)}"
        lines.append(Measure(names.get(name) or usual, metric, value, known.get("low"), known.get("high")))
    return lines


def _believed(result: Result, info: TaskInfo) -> str:
    measured = result.details.get("calibration")
    if not measured:
        return ""
    now, before = measured["after"] or measured["before"], measured["before"]
    error = Measure("", "accuracy", now["ece"], now["low"], now["high"])
    chance = wording.value("accuracy", now["by_chance"])
    surer = sum(b["n"] * (b["confidence"] - b["correct"]) for b in now["bins"]) > 0
    if now["ece"] <= now["by_chance"]:
        how = f"on {result.n_test:,} test {info.unit} it may be chance, which alone makes up to {chance}"
    else:
        how = "it is surer than it is right" if surer else "it is right more often than it says"
        how += f", and chance alone makes no more than {chance}"
    scaled = (
        f" Logits are divided by {measured['temperature']:.2f}, fitted on {measured['n_validation']:,} {info.unit} "
        f"that were held out; before that the error was {wording.value('accuracy', before['ece'])}."
        if measured["after"]
        else " Nothing was held out to scale them by."
    )
    return f"Expected calibration error {error.shown} ({error.between}): {how}.{scaled}"


def _cost(result: Result) -> list[tuple[str, str]]:
    """Of the whole run, its comparison included: `Result.details["cost"]`, where it was counted while the run went on
    ('said' and 'took' in seconds, 'memory' and 'gpu_memory' in bytes, 'energy' in joules by what used it)."""
    counted: dict[str, Any] = result.details.get("cost") or {}
    rows = [("time, comparison included", f"{counted.get('took', result.seconds):,.0f} s")]
    if scratch := result.baseline_details.get("scratch", {}).get("seconds"):
        rows.append(("of that from scratch", f"{scratch:,.0f} s"))
    if said := counted.get("said"):
        rows.append(("said before", f"{said:,.0f} s ({counted['took'] / said - 1:+.0%} came)"))
    rows.append(("device", f"{result.device}, {result.precision}"))
    names = {"memory": "memory at the peak", "gpu_memory": "memory of the GPU at the peak"}
    rows += [(title, f"{counted[name] / 1e9:.2f} GB") for name, title in names.items() if counted.get(name)]
    if counted:
        joules = [f"{used / 3600:.2g} Wh ({name})" for name, used in (counted.get("energy") or {}).items()]
        rows.append(("energy", " and ".join(joules) or "not measurable here, no counter can be read"))
    return rows


def _forgetting(result: Result) -> dict[str, Any]:
    """What the source task lost: general English of a model that writes, the accents that a recogniser came with."""
    found, lines = result.details.get("forgetting"), []
    if isinstance(found, dict):
        said = f"Perplexity of general English, {found['after']['n']} passages; lower is better."
        lines = [Measure.of(part, "perplexity", found[part]) for part in ("before", "after", "difference")]
        return {"forgetting": said, "forgot": tuple(lines)}
    if found:
        for row in found:
            of = f"{row['accent']}, {row['n']} clips"
            lines += [Measure.of(f"{of}: {part}", "wer", row["wer"][part]) for part in ("before", "after")]
        said = "Word error rate of the accents that the model came with; lower is better."
        return {"forgetting": said, "forgot": tuple(lines)}
    reason = {
        Strategy.SCRATCH: "Nothing to forget: it began from random weights.",
        Strategy.ZERO_SHOT: "Nothing learnt, so nothing was forgotten.",
    }.get(Strategy(result.strategy), UNMEASURED)
    if result.strategy in {Strategy.FEATURES, Strategy.PROTOTYPES} and "classes" in result.details:
        reason = "Its backbone is as it came, so that forgot nothing; the head is new."
    return {"forgetting": reason, "forgot": ()}


def _limits(result: Result, card: ModelCard, own: dict[str, Any]) -> str:
    knows = "It knows only its classes and answers with one of them for any input. "
    usual = (knows if "classes" in result.details else "") + wording.HOLD
    return f"{own.get('limits', usual)} Licence of the pretrained weights: {card.licence}."


def _made_from(recipe: Recipe) -> dict[str, Any]:
    return {
        "model": _model(recipe),
        "strategy": recipe.strategy,
        "seed": recipe.seed,
        "settings": recipe.without_data().settings,
        "data_sha256": recipe.data_sha256,
        "versions": recipe.versions,
    }


def _model(recipe: Recipe) -> str:
    """Its name; a run folder that it went on from is a place on this machine, and the key to that run."""
    return "MODEL" if Path(recipe.model).is_absolute() else recipe.model


def _repeat(recipe: Recipe) -> str:
    command = ["python", "-m", "engines", "fit", recipe.task, "--data", "DATA"]
    command += ["--test", "TEST"] if recipe.test else []
    command += ["--model", _model(recipe), "--strategy", recipe.strategy, "--seed", str(recipe.seed)]
    for name, value in recipe.without_data().settings.items():
        command += ["--set", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    return shlex.join([*command, "--out", "RUN"])
