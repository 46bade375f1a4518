"""How a run went, as the last cells of its notebook: its curves and who was taken for whom, drawn with matplotlib."""

from __future__ import annotations

import json
import math
from typing import Any

from engines.contract import Task
from engines.messages import _
from engines.runs import RunFolder

MOST_CLASSES = 30
"""Beyond that the table of classes cannot be read."""
SERIES = {"transfer": _("with transfer"), "scratch": _("from scratch")}
CURVES = '''
def curves(title, unit, lines):
    """A line each: its name, whether it is dashed, and a number an epoch."""
    figure, axes = plt.subplots(figsize=(7, 3.5))
    for name, dashed, numbers in lines:
        axes.plot(range(1, len(numbers) + 1), numbers, "--" if dashed else "-", label=name)
    axes.set(xlabel=unit, ylabel=title)
    axes.legend(frameon=False)
    figure.tight_layout()
    plt.show()
'''
CONFUSION = '''
def confusion(classes, counts, across, down):
    """Rows are what it is, columns what was said."""
    side = 1.5 + 0.55 * len(classes)
    figure, axes = plt.subplots(figsize=(side + 1, side))
    axes.imshow([[n / max(1, sum(row)) for n in row] for row in counts], cmap="Blues", vmin=0, vmax=1)
    for y, row in enumerate(counts):
        for x, n in enumerate(row):
            axes.text(x, y, n, ha="center", va="center", color="white" if 2 * n > sum(row) else "black")
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right", parse_math=False)
    axes.set_yticks(range(len(classes)), classes, parse_math=False)
    axes.set(xlabel=across, ylabel=down)
    figure.tight_layout()
    plt.show()
'''


def cells(task: Task, run: RunFolder) -> list[tuple[str, str]]:
    """(markdown or code, its text) of each cell; none where the run left nothing to draw."""
    metric = task.info.metric.title
    drawn = [("validation_metric", "train_metric", metric), ("validation_loss", "train_loss", str(_("Loss")))]
    epochs = [event.data for event in run.events() if event.kind == "epoch"]
    calls, code = [], ""
    for validation, training, title in drawn:
        if lines := [*_lines(epochs, validation, dashed=False), *_lines(epochs, training, dashed=True)]:
            calls.append(_call("curves", title, str(_("epoch")), lines))
            code = CURVES
    result = run.result
    counts = result.details.get("confusion") if result else None
    classes = result.details.get("classes") if result else None
    if counts and classes and len(classes) == len(counts) <= MOST_CLASSES:
        calls.append(_call("confusion", classes, counts, str(_("said")), str(_("true class"))))
        code += CONFUSION if not code else f"\n{CONFUSION}"
    if not calls:
        return []
    about = _("## How the run went\n\nThe run's own numbers, drawn. This needs matplotlib.")
    return [("markdown", str(about)), ("code", f"import matplotlib.pyplot as plt\n\n{code}\n\n" + "\n".join(calls))]


def _lines(epochs: list[dict[str, Any]], name: str, *, dashed: bool) -> list[tuple[str, bool, list[float]]]:
    """A line for each series that has two such numbers or more."""
    part = _("training") if dashed else _("validation")
    found = []
    for series, title in SERIES.items():
        own = [float(row[name]) for row in epochs if row.get("series") == series and row.get(name) is not None]
        if len(own) > 1 and all(map(math.isfinite, own)):
            found.append((f"{part}, {title}", dashed, [round(value, 5) for value in own]))
    return found


def _call(function: str, *given: Any) -> str:
    """A line of Python for it; a long list has a line of its own."""
    words = [repr(json.loads(json.dumps(each))) for each in given]
    line = f"{function}({', '.join(words)})"
    return line if len(line) < 110 else f"{function}(\n    " + ",\n    ".join(words) + ",\n)"
