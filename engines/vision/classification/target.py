"""Pictures of a new domain, for a model that learns from others."""

from __future__ import annotations

from pathlib import Path

from engines import paths
from engines.adaptation.target import Brought, Source, drawn
from engines.contract import Progress, Skipped
from engines.vision.classification.dataset import open_unlabelled, written_labels
from engines.vision.classification.opening import open_data, separate
from engines.vision.classification.settings import VisionSettings
from engines.vision.images.decode_cache import check_all


def source_of(data: Path, settings: VisionSettings, *, seed: int) -> Source:
    """Of the photographs in `data`. Raises InputError."""
    found = open_data(data, None, settings, seed=seed)
    return Source(found.classes, frozenset(example.sha256 for example in found.used))


def open_target(
    path: Path,
    source: Source,  # noqa: ARG001  (every task's is asked alike)
    settings: VisionSettings,
    *,
    seed: int,
    progress: Progress | None = None,
) -> Brought:
    """The pictures in `path`, drawn before any of them is decoded, each with the class that a folder or table names.

    Items are paths. Raises InputError where there is none.
    """
    work = paths.work(path)
    pictures, skipped = open_unlabelled(path, work)
    written, told = written_labels(path, work, separate(settings))
    at = drawn(len(pictures), seed)
    chosen = [pictures[i] for i in at]
    outcomes = check_all([file for _, file in chosen], work / "checked.json", progress)
    skipped += [Skipped(name, o.reason) for (name, _), o in zip(chosen, outcomes, strict=True) if o.reason]
    good = [(name, file, o.sha256) for (name, file), o in zip(chosen, outcomes, strict=True) if not o.reason]
    return Brought(
        [file for _, file, _ in good],
        [name for name, _, _ in good],
        [sha256 for _, _, sha256 in good],
        [written.get(file, "") for _, file, _ in good],
        len(pictures),
        skipped,
        [],
        told,
    )
