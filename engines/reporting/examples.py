"""A few test examples for a report, and the worst mistakes: pictures, sounds, texts, series, episodes. They are data.

What is there to show is told by the columns of predictions.parquet, so that no domain needs a report of its own.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.messages import _

SHOWN = 8
"""Examples of each kind."""
LONGEST = 400
"""Characters shown of a text."""
MOST_BYTES = 1_400_000
"""Of all pictures of a page together: as text they take a third more, so that the page stays below 2 MB."""
FRAMES, FRAME_HEIGHT = 5, 120
UNREAD = ("p_", "aligned_")
"""Columns that may be many or long, and are not shown."""
ENVELOPE = 120
"""Columns of a sound's drawing."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Fan:
    """One forecast: what was known, what was forecast, what came. All float, in the series' own unit."""

    past: tuple[float, ...]
    median: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    """Bounds of the 80 % interval."""
    came: tuple[float, ...]
    """nan where nothing was observed."""


@dataclass(frozen=True)
class Example:
    """One test example: what it is, what was said of it, and what can be drawn of it."""

    name: str
    says: str
    right: bool | None = None
    """None where nothing is simply right or wrong."""
    text: str = ""
    picture: bytes = b""
    """A PNG or JPEG."""
    sound: tuple[float, ...] = ()
    """Its loudness from left to right, each in [0, 1]."""
    fan: Fan | None = None


@dataclass(frozen=True)
class Shown:
    """What a page shows of the test: some of each kind, and the worst mistakes."""

    some: tuple[Example, ...] = ()
    worst: tuple[Example, ...] = ()


def found(folder: Path | None) -> Shown:
    """Of a run's folder; nothing where it keeps no predictions, or none that can be shown."""
    if folder is None or not (file := folder / "predictions.parquet").is_file():
        return Shown()
    import pyarrow.parquet as pq

    columns = {name for name in pq.read_schema(file).names if not name.startswith(UNREAD)}
    rows: list[Row] = pq.read_table(file, columns=sorted(columns)).to_pylist()
    if not rows:
        return Shown()
    if {"unique_id", "origin", "y"} <= columns:
        return Shown(tuple(_series(folder, rows)))
    if {"before", "length"} <= columns:
        return _episodes(folder, rows)
    if {"errors_after", "words"} <= columns:
        return _transcripts(folder, rows)
    if "question" in columns:
        return _written(rows)
    return _classified(folder, rows) if "confidence" in columns else Shown()


# --- classes --------------------------------------------------------------------------------------


def _classified(folder: Path, rows: list[Row]) -> Shown:
    """The surest right answer of each class in turn, and the surest wrong ones."""
    sure = sorted(rows, key=lambda row: -row["confidence"])
    wrong = [row for row in sure if row["label"] != row["predicted"]][:SHOWN]
    by_class: dict[Any, list[Row]] = {}
    for row in sure:
        if row["label"] == row["predicted"]:
            by_class.setdefault(row["label"], []).append(row)
    turns = [row for turn in range(SHOWN) for own in by_class.values() for row in own[turn : turn + 1]]
    spent = Spent()
    some = tuple(_one_of_a_class(folder, row, spent) for row in turns[:SHOWN])
    return Shown(some, tuple(_one_of_a_class(folder, row, spent) for row in wrong))


def _one_of_a_class(folder: Path, row: Row, spent: Spent) -> Example:
    right = row["label"] == row["predicted"]
    truth = "" if right else _(", is {label}", label=row["label"])
    return Example(
        str(row["file"]),
        _(
            "says {predicted} ({confidence:.0%}){truth}",
            predicted=row["predicted"],
            confidence=row["confidence"],
            truth=truth,
        ),
        right,
        text=_short(row.get("text") or ""),
        picture=spent.read(folder, row.get("thumbnail")),
        sound=_envelope(folder, row.get("sound")),
    )


class Spent:
    """How many bytes of pictures a page has taken so far."""

    def __init__(self) -> None:
        self.left = MOST_BYTES

    def read(self, folder: Path, name: str | None) -> bytes:
        """A picture of the run; empty where it is not there, or the page would grow too large."""
        if not name or not (file := folder / name).is_file() or file.stat().st_size > self.left:
            return b""
        found = file.read_bytes()
        self.left -= len(found)
        return found


# --- speech ---------------------------------------------------------------------------------------


def _transcripts(folder: Path, rows: list[Row]) -> Shown:
    """Those with as many errors a word as the middle one, and those with the most."""
    ranked = sorted(rows, key=lambda row: row["errors_after"] / max(row["words"], 1))
    middle = max(0, (len(ranked) - SHOWN // 2) // 2)
    worst = [row for row in ranked[::-1] if row["errors_after"]][: SHOWN // 2]
    typical = ranked[middle : middle + SHOWN // 2]
    return Shown(*(tuple(_transcript(folder, row) for row in own) for own in (typical, worst)))


def _transcript(folder: Path, row: Row) -> Example:
    before = _(" Before it learnt: {before}", before=row["before"]) if row.get("before") else ""
    says = _(
        "Heard: {predicted}{before} ({errors_after} of {words} words wrong)",
        predicted=row["predicted"],
        before=before,
        errors_after=row["errors_after"],
        words=row["words"],
    )
    right = row["errors_after"] == 0
    return Example(str(row["file"]), says, right, text=row["label"], sound=_envelope(folder, row.get("sound")))


def _envelope(folder: Path, name: str | None) -> tuple[float, ...]:
    """The largest sample of each of ENVELOPE stretches, the largest of all being 1."""
    if not name or not (file := folder / name).is_file():
        return ()
    import numpy as np
    import soundfile

    try:
        sound, _ = soundfile.read(file, dtype="float32", always_2d=True)  # (samples, channels)
    except soundfile.SoundFileError:
        return ()
    loud = np.abs(sound).max(1)
    peaks = np.array([part.max() if len(part) else 0.0 for part in np.array_split(loud, ENVELOPE)])
    return tuple(float(peak) for peak in peaks / max(float(peaks.max()), 1e-9))


# --- texts that are written -----------------------------------------------------------------------


def _written(rows: list[Row]) -> Shown:
    """The first that were answered, and those whose answer surprised the model most."""
    answered = [row for row in rows if row.get("predicted")]
    worst = sorted((row for row in answered if row.get("perplexity")), key=lambda row: -row["perplexity"])
    return Shown(tuple(map(_answer, answered[: SHOWN // 2])), tuple(map(_answer, worst[: SHOWN // 2])))


def _answer(row: Row) -> Example:
    before = _(" Before it learnt: {short}", short=_short(row["base_predicted"])) if row.get("base_predicted") else ""
    says = _(
        "It writes: {short} Wanted: {short_label}{before}",
        short=_short(row["predicted"]),
        short_label=_short(row["label"]),
        before=before,
    )
    return Example(str(row["file"]), says, text=_short(row["question"]))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


# --- series and episodes --------------------------------------------------------------------------


def _series(folder: Path, rows: list[Row]) -> list[Example]:
    """The newest forecast of the first few series."""
    past = _history(folder)
    by_name: dict[str, list[Row]] = {}
    for row in rows:
        by_name.setdefault(row["unique_id"], []).append(row)
    shown = []
    for name, own in list(by_name.items())[: SHOWN // 2]:
        origin = own[-1]["origin"]
        ahead = [row for row in own if row["origin"] == origin]
        moments, values = past.get(name, ([], []))
        known = values[: moments.index(ahead[0]["ds"])] if ahead[0]["ds"] in moments else values
        low, median, high = ([float(row[column]) for row in ahead] for column in ("q0.1", "predicted", "q0.9"))
        came = [float("nan") if row["y"] is None else float(row["y"]) for row in ahead]
        fan = Fan(tuple(known[-4 * len(ahead) :]), tuple(median), tuple(low), tuple(high), tuple(came))
        shown.append(
            Example(
                name,
                _("Forecast made just before {ds}, {ahead} steps ahead", ds=ahead[0]["ds"], ahead=len(ahead)),
                fan=fan,
            )
        )
    return shown


def _history(folder: Path) -> dict[str, tuple[list[str], list[float]]]:
    """The moments of each series and its values there, in order."""
    if not (file := folder / "history.parquet").is_file():
        return {}
    import pyarrow.parquet as pq

    known: dict[str, tuple[list[str], list[float]]] = {}
    for row in pq.read_table(file).to_pylist():
        if row["y"] is not None and math.isfinite(row["y"]):
            moments, values = known.setdefault(row["unique_id"], ([], []))
            moments.append(row["ds"])
            values.append(float(row["y"]))
    return known


def _episodes(folder: Path, rows: list[Row]) -> Shown:
    """The policy at work in a few moments, where it was filmed, and the episodes that went worst."""
    films = {"tuned_target": _("After it learnt, on the robot"), "source_target": _("As it came, on the robot")}
    some = [
        Example(title, _("from left to right"), picture=strip)
        for name, title in films.items()
        if (strip := _strip(folder / "videos" / f"{name}.gif"))
    ]
    worst = sorted(rows, key=lambda row: row["predicted"])[: SHOWN // 2]
    told = [
        Example(
            str(row["file"]),
            _("return {predicted:,.0f}, {before:,.0f} as it came", predicted=row["predicted"], before=row["before"]),
        )
        for row in worst
    ]
    return Shown(tuple(some), tuple(told))


def _strip(film: Path) -> bytes:
    """A few moments of a film side by side, as a JPEG; empty where there is none."""
    if not film.is_file():
        return b""
    from PIL import Image, ImageSequence

    with Image.open(film) as opened:
        frames = [frame.convert("RGB") for frame in ImageSequence.Iterator(opened)]
    chosen = _spread(frames, FRAMES)
    width = max(1, round(chosen[0].width * FRAME_HEIGHT / chosen[0].height))
    strip = Image.new("RGB", (width * len(chosen), FRAME_HEIGHT))
    for place, frame in enumerate(chosen):
        strip.paste(frame.resize((width, FRAME_HEIGHT)), (place * width, 0))
    kept = io.BytesIO()
    strip.save(kept, "JPEG", quality=80)
    return kept.getvalue()


def _spread(frames: Sequence[Any], n: int) -> list[Any]:
    """`n` of them from the first to the last, at even distances."""
    last = len(frames) - 1
    return [frames[round(i * last / (n - 1))] for i in range(n)] if last >= n else list(frames)
