"""From files or texts to vectors, through what looks at single examples (`contract.Embedder`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from engines.contract import Embedder, Progress, Skipped
from engines.unlabelled.examples import Kind, Unlabelled, drawn
from engines.unlabelled.store import content

AT_ONCE = 32


@dataclass
class Listing:
    """What there is in somebody's data, before anything was looked at."""

    kind: Kind
    examples: list[tuple[str, Path | str]]
    """What each is called, and its file, or the text itself."""
    alike: float
    """See `Unlabelled`."""
    came_as: Callable[[Sequence[str], Sequence[Path | str]], list[str]]
    """Of names and examples, the label with which each came; nothing where some came without."""
    preview: Callable[[bytes, Path], None] | None = None
    """Writes a small copy of an example to a file; None of a text."""
    suffix: str = ""
    """How such a file's name ends."""
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def embedded(listing: Listing, embedder: Embedder, seed: int, out: Path, progress: Progress | None) -> Unlabelled:
    """The listing's examples as vectors, at most `examples.MOST` of them; what cannot be read is skipped. Small copies
    go below out/previews."""
    chosen = drawn(listing.examples, seed)
    known: dict[int, tuple[np.ndarray, str]] = {}
    skipped: dict[int, Skipped] = {}
    order = range(len(chosen))
    if listing.preview is None:  # texts of like length together
        order = sorted(order, key=lambda i: len(str(chosen[i][1])))  # type: ignore[assignment]
    else:
        (out / "previews").mkdir(parents=True, exist_ok=True)
    for start in range(0, len(chosen), AT_ONCE):
        part = order[start : start + AT_ONCE]
        contents = [_content(chosen[i][1]) for i in part]
        for i, bytes_, seen in zip(part, contents, embedder.embed(contents), strict=True):
            if isinstance(seen, str):
                skipped[i] = Skipped(chosen[i][0], seen)
                continue
            preview = str(chosen[i][1])
            if listing.preview is not None:
                preview = f"previews/{i:05d}{listing.suffix}"
                listing.preview(bytes_, out / preview)
            known[i] = seen, preview
        if progress:
            progress(start + len(part), len(chosen))
    kept = sorted(known)
    names, sources = [chosen[i][0] for i in kept], [chosen[i][1] for i in kept]
    return Unlabelled(
        listing.kind,
        names,
        [known[i][1] for i in kept],
        np.stack([known[i][0] for i in kept]).astype(np.float32) if kept else np.empty((0, 1), np.float32),
        listing.alike,
        len(listing.examples),
        [source for source in sources if isinstance(source, Path)],
        listing.came_as(names, sources) if kept else [],
        [*listing.skipped, *(skipped[i] for i in sorted(skipped))],
        listing.notes,
    )


def whole(labels: Sequence[str]) -> list[str]:
    """The labels, where every example has one and there are several; else nothing."""
    return list(labels) if all(labels) and len(set(labels)) > 1 else []


def _content(source: Path | str) -> bytes:
    return source.read_bytes() if isinstance(source, Path) else content(source)
