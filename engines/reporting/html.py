"""report.html, the passport of a run: all it says of itself on one page that needs no network and no script."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any

from engines.contract import ModelCard, Recipe, Result, TaskInfo
from engines.messages import _
from engines.reporting import examples, facts
from engines.reporting.passport import sections
from engines.reporting.passport.style import STYLE

NAMED = 50
"""Left out examples that are named."""
LEFT_OUT = re.compile("<h2>Left out</h2><ul>(.*?)</ul>", re.DOTALL)
OF_THE_DATA = re.compile(f"{sections.DATA}.*?{sections.END}", re.DOTALL)


def write(
    result: Result,
    recipe: Recipe,
    card: ModelCard,
    info: TaskInfo,
    history: list[dict[str, Any]],
    folder: Path | None = None,
) -> str:
    """The page as HTML text. `history` is a row an epoch; `folder` is the run's, whose test examples are shown.

    Everything a person typed or a file was called is escaped. `without_data` makes the page for others.
    """
    told = facts.collect(result, recipe, card, info, folder)
    shown = examples.found(folder)
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(told.title)}</title><style>{STYLE}</style></head><body><main>
<h1>{escape(told.title)}</h1>
{sections.notice(told)}\
<p>{escape(told.what)}</p>
<p><strong>{escape(told.compared[0])}</strong></p>
{sections.goodness(told)}\
{sections.examples(shown)}\
{sections.mistakes(told, shown)}\
{sections.groups(told)}\
{sections.clinic(result)}\
{sections.calibration(told)}\
{sections.learning(result, info, history)}\
{sections.foreseen(told)}\
{sections.forgetting(told)}\
{sections.cost(told)}\
{sections.made(told)}\
{sections.loading(told)}\
{sections.section("Limits", sections.paragraphs([told.limits]))}\
{sections.left_out(told, NAMED)}</main></body></html>
"""


def without_data(page: str) -> str:
    """The page for others: no example, no name of a file, of a speaker or of a series; what was left out is counted."""

    def counted(found: re.Match[str]) -> str:
        n = found[1].count("<li>")
        return _(
            "<h2>Left out</h2><p>{or_more} of the files or rows in the data.</p>",
            or_more=_("{n} or more", n=n) if n == NAMED else n,
        )

    return LEFT_OUT.sub(counted, OF_THE_DATA.sub("", page))
