"""What a writing model's card and report say in words of their own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engines.contract import TaskInfo, Verdict
from engines.messages import _, told
from engines.reporting import wording

BASELINES = {**wording.RIVALS, "uniform": _("guessing every token alike"), "copy": _("handing back the source")}
ALONE = _("It was compared with no other model in this run.")
LIMITS = _(
    "It writes what is likely, not what is true, and whatever its base model can be led "
    "to write, it can be led to write too.\n{hold}",
    hold=wording.HOLD,
)


def words(info: TaskInfo, verdict: Verdict | None, metrics: Iterable[str]) -> dict[str, Any]:
    """For `Result.details["card"]`; `metrics` are the names of the further ones."""
    rows = {
        name: _("{title} of {called}", title=info.metric.title, called=called)
        for name, called in told(BASELINES).items()
    }
    return {
        "drawn": _(" (bootstrap over {unit})", unit=info.unit),
        "rows": rows | {name: name.upper() for name in metrics},
        "verdict": sentence(verdict, info) if verdict else ALONE,
        "limits": LIMITS,
    }


def sentence(verdict: Verdict, info: TaskInfo) -> str:
    """'These two networks differ: Perplexity 12.3 lower than the model as it came (95 % interval …).'"""
    d = verdict.difference
    how = _("lower") if d.value < 0 else _("higher")
    return _(
        "{claim}: {title} {value:,.3g} {how} than {rivals} (95 % interval {low:+,.3g} to "
        "{high:+,.3g}, {n:,} test {unit}, {seeds}).",
        claim=wording.claim(verdict),
        title=info.metric.title,
        value=abs(d.value),
        how=how,
        rivals=told(wording.RIVALS)[verdict.against],
        low=d.low,
        high=d.high,
        n=d.n,
        unit=info.unit,
        seeds=wording.seeds(d.seeds),
    )
