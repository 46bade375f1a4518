"""What a writing model's card and report say in words of their own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engines.contract import TaskInfo, Verdict
from engines.reporting import wording

BASELINES = {**wording.RIVALS, "uniform": "guessing every token alike", "copy": "handing back the source"}
ALONE = "It was compared with no other model in this run."
LIMITS = f"""\
It writes what is likely, not what is true, and whatever its base model can be led to write, it can be led to write too.
{wording.HOLD}"""


def words(info: TaskInfo, verdict: Verdict | None, metrics: Iterable[str]) -> dict[str, Any]:
    """For `Result.details["card"]`; `metrics` are the names of the further ones."""
    rows = {name: f"{info.metric.title} of {called}" for name, called in BASELINES.items()}
    return {
        "drawn": f" (bootstrap over {info.unit})",
        "rows": rows | {name: name.upper() for name in metrics},
        "verdict": sentence(verdict, info) if verdict else ALONE,
        "limits": LIMITS,
    }


def sentence(verdict: Verdict, info: TaskInfo) -> str:
    """'These two networks differ: Perplexity 12.3 lower than the model as it came (95 % interval …).'"""
    d = verdict.difference
    how = "lower" if d.value < 0 else "higher"
    return (
        f"{wording.claim(verdict)}: {info.metric.title} {abs(d.value):,.3g} {how} than "
        f"{wording.RIVALS[verdict.against]} (95 % interval {d.low:+,.3g} to {d.high:+,.3g}, {d.n:,} test {info.unit}, "
        f"{wording.seeds(d.seeds)})."
    )
