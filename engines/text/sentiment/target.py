"""Texts of a new domain, for a model that learns from others."""

from __future__ import annotations

from pathlib import Path

from engines import paths
from engines.adaptation.target import Brought, Source, drawn
from engines.contract import Progress
from engines.text.sentiment.dataset import content_of
from engines.text.sentiment.reading import read_in_parts
from engines.text.settings import TextSettings
from engines.text.unlabelled import open_unlabelled

MOST_ROWS = 200_000


def source_of(data: Path, settings: TextSettings, *, seed: int) -> Source:
    """Of the texts in `data`. Raises InputError."""
    brought = read_in_parts(data, None, settings, seed=seed)
    return Source(brought.classes, frozenset(text.content for text in brought.used), brought.found.reading)


def open_target(
    path: Path,
    source: Source,
    settings: TextSettings,  # noqa: ARG001  (every task's is asked alike)
    *,
    seed: int,
    progress: Progress | None = None,  # noqa: ARG001  (every task's is asked alike)
) -> Brought:
    """The texts in `path`, from the column that the source's stood in where there is one, each with what stands in the
    source's column of classes. Raises InputError where there is none."""
    given = open_unlabelled(
        path,
        paths.work(path),
        text_column=source.columns.get("text"),
        label_column=source.columns.get("label"),
        most=MOST_ROWS,
    )
    chosen = [given.texts[i] for i in drawn(len(given.texts), seed)]
    told = bool(given.labels)
    return Brought(
        [text for _, text in chosen],
        [name for name, _ in chosen],
        [content_of(text) for _, text in chosen],
        [given.labels.get(name, "") for name, _ in chosen],
        len(given.texts),
        given.skipped,
        [given.note] if given.note else [],
        told,
    )
