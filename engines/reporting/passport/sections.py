"""The sections of report.html, one function each; empty where a run has nothing to say there."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from engines.contract import Result, TaskInfo
from engines.messages import _, told
from engines.reporting import diagnosis, wording
from engines.reporting.examples import Example, Shown
from engines.reporting.facts import RESTS_ON, Facts, Measure
from engines.reporting.groups import Groups
from engines.reporting.passport import drawings
from engines.reporting.passport.style import SCRATCH, TRAINED

DATA, END = "<!--data-->", "<!--/data-->"
"""Around whatever shows the data or names them: `html.without_data` takes it out for others."""


def section(title: str, *parts: str) -> str:
    inside = "".join(parts)
    return f"<section><h2>{title}</h2>{inside}</section>\n" if inside else ""


def data(inside: str) -> str:
    """What only the owner's page holds."""
    return f"{DATA}{inside}{END}" if inside else ""


def paragraphs(texts: Iterable[str]) -> str:
    return "".join(f"<p>{escape(text)}</p>" for text in texts if text)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], label: str) -> str:
    """Each row's first cell is its head. It scrolls by itself where a phone is too narrow."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    lines = "".join(
        f'<tr><th scope="row">{escape(str(first))}</th>{"".join(f"<td>{escape(str(cell))}</td>" for cell in rest)}</tr>'
        for first, *rest in rows
    )
    if not lines:
        return ""
    named = f'role="region" aria-label="{escape(label)}" tabindex="0"'
    return f'<div class="wide" {named}><table><tr>{head}</tr>{lines}</table></div>'


def measures(lines: Iterable[Measure], label: str) -> str:
    return table(("measure", "value", "95 % interval"), ((m.name, m.shown, m.between) for m in lines), label)


# --- how good it is -------------------------------------------------------------------------------


def goodness(facts: Facts) -> str:
    """The number itself, what it was compared with, and both in a table."""
    own = facts.measures[0]
    low, high = own.between.split(" to ")
    number = _(
        '<p><span class="big">{shown}</span> {escape},\n95&nbsp;% interval {low} to {high}, '
        "on {escape_tested_on}{escape_drawn}</p>",
        shown=own.shown,
        escape=escape(wording.within(facts.metric.title)),
        low=low,
        high=high,
        escape_tested_on=escape(facts.tested_on),
        escape_drawn=escape(facts.drawn),
    )
    rests = table(told(RESTS_ON), facts.rests_on, _("What each comparison rests on"))
    rests = _("<h3>What each comparison rests on</h3>{rests}", rests=rests) if rests else ""
    lines = measures(facts.measures, _("How good it is"))
    return section(_("How good it is"), number, lines, paragraphs(facts.compared[1:]), rests)


def notice(facts: Facts) -> str:
    return f"<p><strong>{escape(facts.notice)}</strong></p>" if facts.notice else ""


def clinic(result: Result) -> str:
    """What is asked of a test for one thing, of runs on patients' pictures."""
    lines = measures(diagnosis.measures(result), _("For a clinic"))
    return section(_("For a clinic"), paragraphs(diagnosis.sentences(result)), lines) if lines else ""


def groups(facts: Facts) -> str:
    return section(_("Is it as good for everyone?"), *map(_group, facts.groups))


def _group(own: Groups) -> str:
    rows = (
        (name, number.n, wording.value(own.metric, number.value), Measure.of("", own.metric, number).between)
        for name, number in own.parts
    )
    shown = table(
        (own.kind, "tested on", own.title, "95 % interval"),
        rows,
        _("{title} by {kind}", title=own.title, kind=own.kind),
    )
    head = _("<h3>By {kind}</h3>", kind=own.kind)
    if not own.named_by_data:
        return head + shown + paragraphs([own.told(names=True)])
    return head + data(shown + paragraphs([own.told(names=True)])) + f"<p>{escape(own.told(names=False))}</p>"


def calibration(facts: Facts) -> str:
    if facts.calibration is None:
        return ""
    now = facts.calibration["after"] or facts.calibration["before"]
    note = _(
        '<p class="note">Dots: how often it was right at each confidence, with 95 % intervals; dotted: all true.</p>'
    )
    return section(
        _("Can its percentages be believed?"), paragraphs([facts.believed]), drawings.reliability(now["bins"]), note
    )


# --- examples -------------------------------------------------------------------------------------


def examples(shown: Shown) -> str:
    return data(section(_("Some of the test"), cells(shown.some)))


def mistakes(facts: Facts, shown: Shown) -> str:
    head = ["true ↓ predicted →", *facts.classes]
    rows = ([name, *counts] for name, counts in zip(facts.classes, facts.confusion, strict=False))
    confusion = table(head, rows, _("Test examples by true and predicted class"))
    worst = _("<h3>The worst of them</h3>{cells}", cells=cells(shown.worst)) if shown.worst else ""
    if not confusion:
        return data(section(_("Where it is wrong"), worst))
    return section(_("Where it is wrong"), confusion, data(worst))


def cells(shown: Sequence[Example]) -> str:
    """Pictures stand side by side, what needs width one below the other."""
    broad = any(one.text or one.sound or one.fan for one in shown) or not any(one.picture for one in shown)
    broad = broad or any(one.picture and one.right is None for one in shown)
    inside = "".join(f"<li>{_example(one)}</li>" for one in shown)
    return f'<ul class="cells{" broad" if broad else ""}">{inside}</ul>' if shown else ""


def _example(one: Example) -> str:
    parts = []
    if one.picture:
        kind = "png" if one.picture.startswith(b"\x89PNG") else "jpeg"
        source = base64.b64encode(one.picture).decode("ascii")
        parts.append(f'<img src="data:image/{kind};base64,{source}" alt="{escape(one.name)}">')
    if one.sound:
        parts.append(drawings.loudness(one.sound))
    if one.fan:
        parts.append(drawings.fan(one.fan))
        parts.append(
            _('<span class="note">known: grey; forecast: dashed orange, 80 % interval; came: solid</span><br>')
        )
    if one.text:
        parts.append(f'<div dir="auto">{escape(one.text)}</div>')
    mark = {True: "✓ ", False: "✗ ", None: ""}[one.right]
    parts.append(f'<div dir="auto">{mark}{escape(one.says)}</div><div class="note">{escape(one.name)}</div>')
    return "".join(parts)


# --- learning -------------------------------------------------------------------------------------


def learning(result: Result, info: TaskInfo, history: list[dict[str, Any]]) -> str:
    """The metric by epoch, or by steps; the loss where no metric was measured as it learnt."""
    if info.learning == "steps":
        return section(_("While it learnt"), _returns(result, info))
    if info.learning == "metric" and any("validation_metric" in row or "train_metric" in row for row in history):
        said = _(
            "validation, solid; training, dashed. {epochs} epochs, best {best_epoch}.",
            epochs=result.epochs,
            best_epoch=result.best_epoch,
        )
        note = f'<p class="note">{drawings.key(TRAINED)} {said}</p>'
        return section(_("While it learnt"), drawings.curve(history, info.metric), note)
    rows = ([row["epoch"], *(_loss(row, part) for part in ("train_loss", "validation_loss"))] for row in history)
    return section(
        _("While it learnt"), table(("epoch", _("training loss"), _("validation loss")), rows, _("Loss by epoch"))
    )


def _loss(row: dict[str, Any], name: str) -> str:
    return f"{row[name]:.4f}" if name in row else ""


def _returns(result: Result, info: TaskInfo) -> str:
    """Over real steps, or over simulated ones where no real step was used; the same as a table."""
    points = [point for point in result.details["curve"] if point["mean"] is not None]
    if not points:
        return _('<p class="note">Nothing learnt in this run.</p>')
    over = "real" if any(point["real_steps"] for point in points) else _("simulated")
    steps = "real_steps" if over == "real" else "sim_steps"
    most = max(1, *(point[steps] for point in points))
    keys = _("{key} transfer, {key_scratch} from scratch", key=drawings.key(TRAINED), key_scratch=drawings.key(SCRATCH))
    note = _(
        '<p class="note">{keys}; across: {over} steps, 0 to {most:,}; shaded: 95&nbsp;% interval.</p>',
        keys=keys,
        over=over,
        most=most,
    )
    lines = [Measure(point["series"], info.metric, point["mean"], point["low"], point["high"]) for point in points]
    rows = ((m.name, f"{p[steps]:,}", m.shown, m.between) for m, p in zip(lines, points, strict=True))
    shown = table(
        ("policy", _("{over} steps", over=over), info.metric.name, "95 % interval"), rows, _("Return by steps")
    )
    return drawings.returns(points, steps, info.metric) + note + shown


# --- what it rests on -----------------------------------------------------------------------------


def cost(facts: Facts) -> str:
    return section(_("What it cost"), table(("what", _("how much")), facts.cost, _("What it cost")))


def foreseen(facts: Facts) -> str:
    return section(_("Could one have known?"), paragraphs(facts.foreseen))


def forgetting(facts: Facts) -> str:
    return section(_("What it forgot"), paragraphs([facts.forgetting]), measures(facts.forgot, _("Before and after")))


def made(facts: Facts) -> str:
    """How it was trained, on which data, by which versions, and the command that does it again."""
    recipe = escape(json.dumps(facts.made_from, indent=2, ensure_ascii=False))
    return section(
        _("How it was trained"),
        paragraphs([facts.trained]),
        _(
            "<pre>{recipe}</pre><p>Again, given the same data:</p><pre>{escape}</pre>",
            recipe=recipe,
            escape=escape(facts.repeat),
        ),
    )


def loading(facts: Facts) -> str:
    if not facts.load:
        return ""
    inputs = _("<p>Inputs: {escape}.</p>", escape=escape(facts.input.replace("`", ""))) if facts.input else ""
    where = _(
        "<p>In the folder <code>model</code> beside this page, or in an export of the run, these lines load it:</p>"
    )
    return section(_("Load it"), where, f"<pre>{escape(facts.load)}</pre>", inputs)


def left_out(facts: Facts, most: int) -> str:
    """Named; `html.without_data` counts them instead."""
    if not facts.skipped:
        return ""
    named = "".join(f"<li>{escape(s.where)} {escape(s.reason)}</li>" for s in facts.skipped[:most])
    return _("<section><h2>Left out</h2><ul>{named}</ul></section>\n", named=named)
