"""Two or three of a run's own test examples to click, for who has nothing at hand to try a model on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from engines.messages import _
from ui.page import recorded, words

OFFERED = 3
LONGEST = 60
"""Characters of an example's name, or of a text, on its button."""


@dataclass(frozen=True)
class Example:
    """A file of the run, as an upload is."""

    name: str
    content: bytes

    def getvalue(self) -> bytes:
        return self.content


def file(found: recorded.Finished, column: str) -> list[Example]:
    """The test example that was chosen, whose file `column` of predictions.parquet names; nothing where none was, or
    the run kept no such files. Of a recording that could not carry them, those of the sample on this machine."""
    kept = {str(row["file"]): path for row in _spread(found, column) if (path := _path(found, row, column))}
    chosen = _chosen(list(kept))
    return [Example(f"{Path(chosen).stem}{kept[chosen].suffix}", kept[chosen].read_bytes())] if chosen in kept else []


def _path(found: recorded.Finished, row: dict[str, object], column: str) -> Path | None:
    return found.run.file(row[column]) or recorded.original(found, str(row["file"]))


def text(found: recorded.Finished, column: str) -> str:
    """The test text that was chosen, by `column` of predictions.parquet; '' where none was."""
    return _chosen([str(row[column]) for row in _spread(found, column)])


def _spread(found: recorded.Finished, column: str) -> list[dict[str, object]]:
    """A few test examples from all over the table, of different classes where there are classes."""
    rows = [row for row in recorded.rows(found.run.path / "predictions.parquet", found.finished) if row.get(column)]
    firsts = {str(row["label"]): row for row in reversed(rows)} if found.result.details.get("classes") else {}
    different = list(firsts.values()) if len(firsts) > 1 else rows[:: max(1, len(rows) // OFFERED)]
    return different[:OFFERED]


def forget() -> None:
    """Takes back what was chosen."""
    st.session_state["try_example"] = None


def _chosen(names: list[str]) -> str:
    if not names:
        return ""
    shown = {name: words.plain(name if len(name) <= LONGEST else f"{name[:LONGEST]}…") for name in names}
    return st.pills(_("Or one of the test"), names, format_func=shown.__getitem__, key="try_example") or ""
