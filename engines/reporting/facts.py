"""What a run says of itself, as data and sentences: report and model card only lay it out, so they say the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.contract import Estimate, Metric, ModelCard, Recipe, Result, Skipped, Strategy, TaskInfo
from engines.messages import _
from engines.reporting import collected, comparisons, foreseen, groups, made_from, wording
from engines.reporting.collected import Line
from engines.reporting.groups import Groups

WITHOUT = _("It was not compared with training from scratch in this run.")
UNMEASURED = _("Not measured: there is no test here of what the model could do before.")


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
        return _(
            "{value} to {value_metric}",
            value=wording.value(self.metric, self.low),
            value_metric=wording.value(self.metric, self.high),
        )


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
    notice: str  # what everybody who takes it home has to know first; empty of most
    skipped: tuple[Skipped, ...]
    """What was left out of the data. Its names are data."""


def collect(result: Result, recipe: Recipe, card: ModelCard, info: TaskInfo, folder: Path | None = None) -> Facts:
    """All that a run knows of itself. `folder` is the run's: what lies in it besides the result is told too."""
    own: dict[str, Any] = result.details.get("card", {})  # where a task says it in words of its own
    learnt_from = own.get("learnt_from", f"{result.n_train:,} {info.unit}")
    told = tuple(wording.sentence(verdict, info.metric, result.strategy) for verdict in comparisons.told(result))
    return Facts(
        title=recipe.title or f"{card.title}, {result.strategy}",
        what=_what(result, card, info, learnt_from) + made_from.went_on(recipe),
        trained=_trained(result, info, own),
        metric=info.metric,
        measures=tuple(_measures(result, info, own.get("rows", {}))),
        tested_on=_(
            "{n_test:,} test {tested_on}",
            n_test=result.n_test,
            tested_on=own.get("tested_on", _("{unit} that it never saw", unit=info.unit)),
        ),
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
        made_from=made_from.made_from(recipe),
        repeat=made_from.repeat(recipe),
        load=result.details.get("load_snippet", ""),
        input=result.details.get("input", ""),
        limits=_limits(result, card, own),
        notice=result.details.get("notice", ""),
        skipped=tuple(result.skipped),
    )


RESTS_ON = ("against", _("difference (95 % interval)"), "tested on", "seeds", _("speaks of"), "shows from")
"""Heads of the table of `Facts.rests_on`."""


def _rests_on(line: Line) -> tuple[str, ...]:
    d = line.verdict.difference
    value, between = line.difference
    of = "training" if line.of_training else "two networks"
    return wording.other(line.verdict), f"{value} ({between})", f"{d.n:,}", str(d.seeds), of, line.shows


def _what(result: Result, card: ModelCard, info: TaskInfo, learnt_from: str) -> str:
    adapted = result.details.get("card", {}).get("adapted", "")  # to data of a new domain without labels
    model = f"{card.title} ({card.source}; {card.source_task})"
    share = _(
        "{trainable_parameters:,} of {parameters:,} parameters learnt from {learnt_from}",
        trainable_parameters=result.trainable_parameters,
        parameters=result.parameters,
        learnt_from=learnt_from,
    )
    does = f"{info.title} ({info.unit}): "
    match result.strategy:
        case Strategy.ZERO_SHOT:
            return _("{does}{model} as it came; nothing learnt.", does=does, model=model)
        case Strategy.SCRATCH:
            return _(
                "{does}the network of {model} from random weights: {share}. {adapted}",
                does=does,
                model=model,
                share=share,
                adapted=adapted,
            ).strip()
    read = result.details.get("card", {}).get("read", "")  # ' on what the first 5 of its 8 blocks see'
    return _(
        "{does}{model}, adapted with strategy {strategy}{read}: {share}. {adapted}",
        does=does,
        model=model,
        strategy=result.strategy,
        read=read,
        share=share,
        adapted=adapted,
    ).strip()


def _trained(result: Result, info: TaskInfo, own: dict[str, Any]) -> str:
    if result.strategy == Strategy.ZERO_SHOT:
        return _(
            "Nothing was trained. Tested on {device}, {precision}, in {seconds:.0f} s.",
            device=result.device,
            precision=result.precision,
            seconds=result.seconds,
        )
    if result.strategy == Strategy.PROTOTYPES:
        return _(
            "Each class was averaged, on {device}, {precision}, in {seconds:.0f} s.",
            device=result.device,
            precision=result.precision,
            seconds=result.seconds,
        )
    chosen_by = own.get(
        "chosen_by",
        _("{n_validation:,} {unit} decided when to stop.", n_validation=result.n_validation, unit=info.unit),
    )
    return _(
        "{epochs} epochs (best: {best_epoch}) on {device}, {precision}, in {seconds:.0f} s, seed {seed}. {chosen_by}",
        epochs=result.epochs,
        best_epoch=result.best_epoch,
        device=result.device,
        precision=result.precision,
        seconds=result.seconds,
        seed=result.seed,
        chosen_by=chosen_by,
    )


def _measures(result: Result, info: TaskInfo, names: dict[str, str]) -> list[Measure]:
    metric = info.metric
    lines = [Measure(metric.title, metric, result.value, result.low, result.high)]
    lines += [Measure.of(names.get(n) or n.replace("_", " "), n, found) for n, found in result.metrics.items()]
    for name, value in result.baselines.items():
        known = result.baseline_details.get(name) or {}
        usual = _(
            "baseline: {replace}, {within}{on_some}",
            replace=name.replace("_", " "),
            within=wording.within(metric.title),
            on_some=wording.on_some(known),
        )
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
        how = _(
            "on {n_test:,} test {unit} it may be chance, which alone makes up to {chance}",
            n_test=result.n_test,
            unit=info.unit,
            chance=chance,
        )
    else:
        how = _("it is surer than it is right") if surer else _("it is right more often than it says")
        how += _(", and chance alone makes no more than {chance}", chance=chance)
    scaled = (
        _(
            " Logits are divided by {temperature:.2f}, fitted on {n_validation:,} {unit} that "
            "were held out; before that the error was {value}.",
            temperature=measured["temperature"],
            n_validation=measured["n_validation"],
            unit=info.unit,
            value=wording.value("accuracy", before["ece"]),
        )
        if measured["after"]
        else _(" Nothing was held out to scale them by.")
    )
    return _(
        "Expected calibration error {shown} ({between}): {how}.{scaled}",
        shown=error.shown,
        between=error.between,
        how=how,
        scaled=scaled,
    )


def _cost(result: Result) -> list[tuple[str, str]]:
    """Of the whole run, its comparison included: `Result.details["cost"]`, where it was counted while the run went on
    ('said' and 'took' in seconds, 'memory' and 'gpu_memory' in bytes, 'energy' in joules by what used it)."""
    counted: dict[str, Any] = result.details.get("cost") or {}
    rows = [(_("time, comparison included"), f"{counted.get('took', result.seconds):,.0f} s")]
    if scratch := result.baseline_details.get("scratch", {}).get("seconds"):
        rows.append((_("of that from scratch"), f"{scratch:,.0f} s"))
    if said := counted.get("said"):
        rows.append(
            (_("said before"), _("{said:,.0f} s ({took:+.0%} came)", said=said, took=counted["took"] / said - 1))
        )
    rows.append(("device", f"{result.device}, {result.precision}"))
    names = {"memory": _("memory at the peak"), "gpu_memory": _("memory of the GPU at the peak")}
    rows += [
        (title, _("{counted:.2f} GB", counted=counted[name] / 1000000000.0))
        for name, title in names.items()
        if counted.get(name)
    ]
    if counted:
        joules = [
            _("{used:.2g} Wh ({name})", used=used / 3600, name=name)
            for name, used in (counted.get("energy") or {}).items()
        ]
        rows.append(("energy", _(" and ").join(joules) or _("not measurable here, no counter can be read")))
    return rows


def _forgetting(result: Result) -> dict[str, Any]:
    """What the source task lost: general English of a model that writes, the accents that a recogniser came with."""
    found, lines = result.details.get("forgetting"), []
    if isinstance(found, str):  # a sentence of the task's own
        return {"forgetting": found, "forgot": ()}
    if isinstance(found, dict):
        said = _("Perplexity of general English, {n} passages; lower is better.", n=found["after"]["n"])
        lines = [Measure.of(part, "perplexity", found[part]) for part in ("before", "after", "difference")]
        return {"forgetting": said, "forgot": tuple(lines)}
    if found:
        for row in found:
            of = _("{accent}, {n} clips", accent=row["accent"], n=row["n"])
            lines += [Measure.of(f"{of}: {part}", "wer", row["wer"][part]) for part in ("before", "after")]
        said = _("Word error rate of the accents that the model came with; lower is better.")
        return {"forgetting": said, "forgot": tuple(lines)}
    reason = {
        Strategy.SCRATCH: _("Nothing to forget: it began from random weights."),
        Strategy.ZERO_SHOT: _("Nothing learnt, so nothing was forgotten."),
    }.get(Strategy(result.strategy), UNMEASURED)
    if result.strategy in {Strategy.FEATURES, Strategy.PROTOTYPES} and "classes" in result.details:
        reason = _("Its backbone is as it came, so that forgot nothing; the head is new.")
    return {"forgetting": reason, "forgot": ()}


def _limits(result: Result, card: ModelCard, own: dict[str, Any]) -> str:
    knows = _("It knows only its classes and answers with one of them for any input. ")
    usual = (knows if "classes" in result.details else "") + wording.HOLD
    return _(
        "{limits} Licence of the pretrained weights: {licence}.", limits=own.get("limits", usual), licence=card.licence
    )
