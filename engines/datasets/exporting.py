"""A data set made in the app, written as the tasks read data: what `check`, `fit` and `predict` take."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from engines.contract import InputError, Problem
from engines.data.tables import safe_cell
from engines.datasets.folder import DatasetFolder
from engines.datasets.state import DatasetState, Item
from engines.messages import _

TASKS = {"pictures": "vision.classification", "sounds": "speech.speaker", "texts": "text.sentiment"}
"""Kind of a data set -> the task whose encoder looks at it while it is being made."""
LEARNERS = {
    "pictures": {"vision.classification": "label"},
    "boxes": {"vision.detection": ""},
    "sounds": {"speech.speaker": "speaker", "speech.transcription": "transcription"},
    "texts": {"text.sentiment": "label"},
}
"""Kind of a data set -> the tasks that can be trained on it, and what each calls the column of classes; of boxes, which
lie in files of their own, '' (`vision.detection.annotations.drawn` writes these)."""
LABEL_COLUMN = {"pictures": "label", "sounds": "speaker", "texts": "label"}
MADE = (1980, 1, 1, 0, 0, 0)
"""The time that every file in a zip is given: the same examples make the same bytes."""


class Columns(NamedTuple):
    """Of the table in an export."""

    example: str
    label: str


def columns(dataset: DatasetFolder) -> Columns:
    """`file_name,label` of pictures, `file_name,speaker` of sounds (the form of Hugging Face's imagefolder and
    audiofolder), `text,label` of texts."""
    kind = dataset.about.kind
    return Columns("text" if kind == "texts" else "file_name", LABEL_COLUMN[kind])


def export(
    dataset: DatasetFolder,
    out: Path,
    *,
    labelled: bool = True,
    label_column: str | None = None,
    for_people: bool = False,
) -> Path:
    """Writes a zip to `out`: a metadata.csv and, but for texts, the files that it names. Returns `out`.

    With `labelled` the examples that have a class, and no others; without, those that have none, in the form that
    `predict` reads. `label_column`: what the classes' column is called, such as 'transcription' for what is said.
    `for_people`: who opens the table in a spreadsheet gets no formula of what somebody has typed (`tables.safe_cell`).
    Raises InputError where there is no such example, and where the data set is only shown.
    """
    dataset.require_owner()
    state, named = dataset.state(), columns(dataset)
    items = state.labelled if labelled else state.unlabelled
    if not items:
        kind = _("example with a class") if labelled else _("example without a class")
        raise InputError(Problem(dataset.about.title, _("it holds no {kind}", kind=kind), _("add one")))
    texts = dataset.about.kind == "texts"
    rows, files = [], []
    for item in items:
        inside = f"{dataset.about.kind}/{file_name(item)}"
        rows.append([dataset.text(item) if texts else inside, *([item.label] if labelled else [])])
        files += [] if texts else [(inside, dataset.file(item))]
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow([named.example, *([label_column or named.label] if labelled else [])])
    writer.writerows([[safe_cell(cell or "") for cell in row] for row in rows] if for_people else rows)
    return write_zip(out, {"metadata.csv": table.getvalue().encode()}, files)


def write_zip(out: Path, texts: Mapping[str, bytes], files: Iterable[tuple[str, Path]]) -> Path:
    """Writes a zip to `out`, whole or not at all: `texts` by their path, and `files`, (path inside, file). The same
    content makes the same bytes. Returns `out`."""
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f".{out.name}.partial")
    with zipfile.ZipFile(partial, "w") as archive:
        for name, content in texts.items():
            _write(archive, name, content, zipfile.ZIP_DEFLATED)
        for name, path in files:
            _write(archive, name, path.read_bytes(), zipfile.ZIP_STORED)
    partial.replace(out)
    return out


def kept_export(
    dataset: DatasetFolder, *, labelled: bool = True, label_column: str | None = None, for_people: bool = False
) -> Path:
    """The export in the data set's own folder, written once for each state of it: what a run learns from, or
    `for_people`. Raises InputError as `export` does."""

    def write(out: Path) -> Path:
        return export(dataset, out, labelled=labelled, label_column=label_column, for_people=for_people)

    return kept(dataset, f"{labelled} {label_column}{' for people' if for_people else ''}", write)


def kept(dataset: DatasetFolder, what: str, write: Callable[[Path], Path]) -> Path:
    """The export called `what` in the data set's own folder, that `write` wrote now or for the same state before.
    Raises InputError where the data set is only shown."""
    dataset.require_owner()
    key = hashlib.sha256(f"{dataset.sha256} {what}".encode()).hexdigest()[:16]
    out = dataset.path / "exports" / f"{key}.zip"
    return out if out.is_file() else write(out)


def require_trainable(state: DatasetState) -> None:
    """Raises InputError where no classifier can learn from it: one class, or a class of one example."""
    counts = {name: n for name, n in state.counts.items() if n}
    if len(counts) < 2:
        found = (
            _("only one class, {counts}, has examples", counts=next(iter(counts)))
            if counts
            else _("no class has examples")
        )
        raise InputError(Problem(_("data set"), found, _("show examples of two classes or more")))
    again = _(", for the same one again is one example") if state.repeated else ""
    for name, n in counts.items():
        if n < 2:
            raise InputError(
                Problem(
                    _("class {name}", name=name), _("it has one example{again}", again=again), _("show two or more")
                )
            )


def file_name(item: Item) -> str:
    """What an example is called in an export: its own name, made safe, and the start of its id."""
    stem = re.sub(r"[^\w-]+", "-", PurePosixPath(item.name).stem).strip("-")[:60] or "example"
    return f"{stem}-{item.id[:12]}{item.suffix}"


def _write(archive: zipfile.ZipFile, name: str, content: bytes, packed: int) -> None:
    entry = zipfile.ZipInfo(name, MADE)
    entry.compress_type, entry.external_attr = packed, 0o644 << 16
    archive.writestr(entry, content)
