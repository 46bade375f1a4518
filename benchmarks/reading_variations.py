"""Well-formed data whose truth is known, written down in the many ways in which people write them down.

Each `Variation` is a set of files that hold the same examples as its domain's plain one: other headings, columns moved,
folders around folders, other separators, other date formats. `ambiguous` marks those that a careful person would ask
about. `variations(seed)` draws them all; `write` puts one into a folder.
"""

from __future__ import annotations

import csv
import io
import json
import random
import wave
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from PIL import Image

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Variation:
    """One way to write down what `plain` of its task holds."""

    task: str
    what: str
    """In words."""
    files: Mapping[str, bytes]
    """Relative path -> content; a single one is brought as it is, several as a folder."""
    ambiguous: bool = False
    truth: str = "whole"
    """Variations of one task and one truth hold the same examples; those that end in 'parts' say what trains and what
    tests."""
    settings: Mapping[str, str] = field(default_factory=dict)


def write(variation: Variation, folder: Path) -> Path:
    """The path to bring: a file, or a folder."""
    for name, content in variation.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder / next(iter(variation.files)) if len(variation.files) == 1 else folder


def variations(seed: int = 0) -> list[Variation]:
    """Some 240 of them, the plain one of each task and truth first."""
    rng = random.Random(seed)
    return [*_pictures(rng), *_texts(rng), *_clips(rng), *_series(rng)]


# --- writing tables -------------------------------------------------------------------------------


def table(heading: Sequence[str], rows: Rows, separator: str = ",", encoding: str = "utf-8") -> bytes:
    """A delimited table."""
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\n").writerows([heading, *rows] if heading else rows)
    return text.getvalue().encode(encoding)


def shuffled(rng: random.Random, heading: Sequence[str], rows: Rows) -> tuple[list[str], list[list[str]]]:
    """The same table with its columns in another order."""
    order = rng.sample(range(len(heading)), len(heading))
    return [heading[place] for place in order], [[row[place] for place in order] for row in rows]


def below(folder: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files within a folder."""
    return {f"{folder}/{name}": content for name, content in files.items()}


# --- pictures -------------------------------------------------------------------------------------

CLASSES = ("Apple", "Pear", "Plum")
A_CLASS = 6
PARTS = (
    ("train", "test"),
    ("Training", "Testing"),
    ("training_set", "test_set"),
    ("TRAIN", "TEST"),
    ("trainData", "testData"),
    ("my-train", "my-holdout"),
)
FILE_HEADINGS = ("file_name", "filename", "Image Path", "img", "picture", "path", "Photo", "file")
LABEL_HEADINGS = ("label", "Class", "category", "species", "Class Name", "fruit", "target", "kind")


def _picture(label: str, number: int) -> bytes:
    rng = np.random.default_rng([CLASSES.index(label), number])
    file = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (12, 12, 3), dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


def _pictures(rng: random.Random) -> Iterator[Variation]:
    task = "vision.classification"
    every = [(label, n) for label in CLASSES for n in range(A_CLASS)]
    folders = {f"{label}/{n}.png": _picture(label, n) for label, n in every}
    yield Variation(task, "a folder a class", folders)
    for around in ("data", "archive/images", "a/b/c", "My Pictures (1)"):
        yield Variation(task, f"inside {around}/", below(around, folders))
    for beside in ("README.txt", "__MACOSX/._x.png", ".DS_Store", "notes.docx", "loose.txt"):
        yield Variation(task, f"beside {beside}", {**folders, beside: b"x"})
    loose = {f"{label}_{n}.png": _picture(label, n) for label, n in every}
    for heading, label_heading in zip(FILE_HEADINGS, LABEL_HEADINGS, strict=True):
        for separator, ending in ((",", "csv"), (";", "csv"), ("\t", "tsv")):
            head, rows = shuffled(
                rng,
                [heading, label_heading, "width"],
                [[f"{label}_{n}.png", label, str(rng.randint(100, 999))] for label, n in every],
            )
            name = rng.choice(["labels", "metadata", "data", "annotations"])
            files = {**below("images", loose), f"{name}.{ending}": table(head, rows, separator)}
            yield Variation(task, f"a table with {', '.join(head)} ({separator!r})", files)
    stems = [[f"{label}_{n}", label] for label, n in every]
    yield Variation(task, "file names without ending", {**below("img", loose), "l.csv": table(["id", "label"], stems)})
    windows = [[f"C:\\photos\\{label}_{n}.png", label] for label, n in every]
    yield Variation(
        task, "paths of another machine", {**below("img", loose), "l.csv": table(["file", "label"], windows)}
    )
    for words in PARTS:
        part = {(label, n): words[n >= A_CLASS - 2] for label, n in every}
        split = {f"{part[label, n]}/{label}/{n}.png": _picture(label, n) for label, n in every}
        yield Variation(task, f"{words[0]}/ and {words[1]}/", split, truth="parts")
        yield Variation(task, f"{words[0]}/ and {words[1]}/ in a folder", below("data", split), truth="parts")
        extra = {**split, "unsorted/1.png": _picture("Apple", 99), "unsorted/2.png": _picture("Plum", 99)}
        yield Variation(task, f"{words[0]}/, {words[1]}/ and a loose folder", extra, truth="parts")
        rows = [[f"{label}_{n}.png", label, part[label, n]] for label, n in every]
        files = {**below("images", loose), "labels.csv": table(["file_name", "label", "split"], rows)}
        yield Variation(task, f"a column of {words[0]} and {words[1]}", files, truth="parts")


# --- texts ----------------------------------------------------------------------------------------

GOOD = ("a fine film", "what a joy to watch", "warm and clever", "I laughed a lot", "the cast shines", "worth seeing")
BAD = ("a dull film", "what a waste of time", "cold and clumsy", "I left early", "the plot limps", "not worth it")
TEXT_HEADINGS = ("text", "Review", "sentence", "comment_text", "Tweet", "body", "content", "message")
CLASS_HEADINGS = ("label", "Sentiment", "category", "polarity", "Class", "target", "rating_word", "mood")


def _texts(rng: random.Random) -> Iterator[Variation]:
    task = "text.sentiment"
    pairs = [
        (f"{text}, said viewer {n} of the {where} show", label)
        for label, texts in (("good", GOOD), ("bad", BAD))
        for n, text in enumerate(texts)
        for where in ("early", "late")
    ]
    plain = [[text, label] for text, label in pairs]
    yield Variation(task, "text,label", {"texts.csv": table(["text", "label"], plain)})
    for heading, label_heading in zip(TEXT_HEADINGS, CLASS_HEADINGS, strict=True):
        rows = [[text, label, f"r{n:03d}", f"2024-01-{n % 28 + 1:02d}"] for n, (text, label) in enumerate(pairs)]
        for separator, ending in ((",", "csv"), (";", "csv"), ("\t", "tsv"), ("|", "csv")):
            head, own = shuffled(rng, [heading, label_heading, "review_id", "date"], rows)
            yield Variation(task, f"{', '.join(head)} ({separator!r})", {f"data.{ending}": table(head, own, separator)})
        objects = [dict(zip([heading, label_heading], row, strict=True)) for row in plain]
        yield Variation(task, f"JSON lines of {heading}", {"data.jsonl": "\n".join(map(json.dumps, objects)).encode()})
        yield Variation(task, f"a JSON list of {heading}", {"data.json": json.dumps(objects).encode()})
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):
        yield Variation(task, f"in {encoding}", {"data.csv": table(["text", "label"], plain, encoding=encoding)})
    for words in PARTS:
        cut = [words[n % 6 == 5] for n in range(len(pairs))]
        by_part = {word: [row for row, own in zip(plain, cut, strict=True) if own == word] for word in words}
        files = {f"{word}.csv": table(["text", "label"], rows) for word, rows in by_part.items()}
        yield Variation(task, f"tables {words[0]} and {words[1]}", files, truth="parts")
        files = {f"{word}/data.csv": table(["text", "label"], rows) for word, rows in by_part.items()}
        yield Variation(task, f"tables in {words[0]}/ and {words[1]}/", below("corpus", files), truth="parts")
        rows = [[*row, own] for row, own in zip(plain, cut, strict=True)]
        yield Variation(
            task,
            f"a column of {words[0]} and {words[1]}",
            {"data.csv": table(["text", "label", "split"], rows)},
            truth="parts",
        )
    twice = [[text, label, rng.choice(["calm", "angry"])] for text, label in pairs]
    yield Variation(
        task, "two columns of classes", {"data.csv": table(["text", "mood", "tone"], twice)}, ambiguous=True
    )


# --- clips ----------------------------------------------------------------------------------------

SENTENCES = tuple(
    f"{who} {does} the {what}"
    for who, does, what in zip(
        ("a man", "the girl", "my friend", "nobody", "the cat", "a bird", "the king", "she", "he", "it"),
        ("sees", "opens", "likes", "reads", "wants", "finds", "loses", "takes", "brings", "needs"),
        ("door", "letter", "river", "garden", "candle", "bridge", "window", "ladder", "hammer", "basket"),
        strict=True,
    )
)
SOUND_HEADINGS = ("file_name", "path", "audio", "Filename", "wav", "clip")
SAID_HEADINGS = ("transcription", "sentence", "text", "Transcript", "utterance", "raw_text")


def _sound(number: int) -> bytes:
    rate, length = 16_000, 16_000
    time = np.arange(length) / rate
    tone = 0.3 * np.sin(2 * np.pi * (180 + 35 * number) * time) * (1 + 0.5 * np.sin(2 * np.pi * 4 * time))
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((tone * 20_000).astype("<i2").tobytes())
    return file.getvalue()


def _clips(rng: random.Random) -> Iterator[Variation]:
    task = "speech.transcription"
    sounds = {f"c{n:02d}.wav": _sound(n) for n in range(len(SENTENCES))}
    rows = [[name, said] for name, said in zip(sounds, SENTENCES, strict=True)]
    yield Variation(task, "metadata.csv", {**sounds, "metadata.csv": table(["file_name", "transcription"], rows)})
    for heading, said_heading in zip(SOUND_HEADINGS, SAID_HEADINGS, strict=True):
        for separator, ending in ((",", "csv"), ("\t", "tsv"), (";", "csv")):
            longer = [[*row, f"{1 + n / 10:.1f}"] for n, row in enumerate(rows)]
            head, own = shuffled(rng, [heading, said_heading, "duration"], longer)
            files = {**below("clips", sounds), f"metadata.{ending}": table(head, own, separator)}
            yield Variation(task, f"{', '.join(head)} ({separator!r})", files)
    manifest = [json.dumps({"audio_filepath": f"wavs/{name}", "duration": 1.0, "text": said}) for name, said in rows]
    yield Variation(task, "a NeMo manifest", {**below("wavs", sounds), "manifest.json": "\n".join(manifest).encode()})
    stems = [[name.removesuffix(".wav"), said] for name, said in rows]
    lj = "".join(f"{stem}|{said}|{said}\n" for stem, said in stems).encode()
    yield Variation(task, "LJSpeech", below("LJ", {**below("wavs", sounds), "metadata.csv": lj}))
    beside = {f"{stem}.txt": said.encode() for stem, said in stems}
    yield Variation(task, "a .txt beside each clip", {**sounds, **beside})
    kaldi = {
        "wav.scp": "".join(f"u{n:02d} {name}\n" for n, name in enumerate(sounds)).encode(),
        "text": "".join(f"u{n:02d} {said}\n" for n, said in enumerate(SENTENCES)).encode(),
    }
    yield Variation(task, "Kaldi", {**sounds, **kaldi})
    trans = "".join(f"{stem} {said}\n" for stem, said in stems).encode()
    yield Variation(task, "LibriSpeech", below("84/121", {**sounds, "84-121.trans.txt": trans}))
    for words in PARTS:
        cut = {name: words[n >= len(sounds) - 3] for n, name in enumerate(sounds)}
        split = {f"{cut[name]}/{name}": sound for name, sound in sounds.items()}
        tables = {
            f"{word}/metadata.csv": table(["file_name", "transcription"], [r for r in rows if cut[r[0]] == word])
            for word in words
        }
        yield Variation(task, f"tables in {words[0]}/ and {words[1]}/", {**split, **tables}, truth="parts")
        files = {
            **below("data", split),
            "data/metadata.csv": table(
                ["file_name", "transcription"], [[f"{cut[name]}/{name}", said] for name, said in rows]
            ),
        }
        yield Variation(task, f"data/{words[0]} and data/{words[1]}", files, truth="parts")
        tables = {
            f"{word}.tsv": table(["path", "sentence"], [r for r in rows if cut[r[0]] == word], "\t") for word in words
        }
        yield Variation(task, f"{words[0]}.tsv and {words[1]}.tsv", {**below("clips", sounds), **tables}, truth="parts")


# --- series ---------------------------------------------------------------------------------------

MONTHS = [date(2014 + n // 12, n % 12 + 1, 1) for n in range(72)]
DAYS = [date(2021, 1, 1) + timedelta(n) for n in range(150)]
MONTH_FORMATS = {
    "%Y-%m-%d": False,
    "%Y-%m": False,
    "%Y/%m/%d": False,
    "%Y%m": False,
    "%Y%m%d": False,
    "%b %Y": False,
    "%B %Y": False,
    "%b-%y": False,
    "%m/%Y": False,
    "%d.%m.%Y": True,  # 01.02.2014, 01.03.2014: always the first of a month, or always January?
    "%m/%d/%Y": True,
    "%Y-%m-%dT00:00:00": False,
    "%Y-%m-%d 00:00:00": False,
}
DAY_FORMATS = ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d %B %Y", "%B %d, %Y", "%A, %d %b %Y", "%Y%m%d", "%d-%b-%y")
DATE_HEADINGS = ("ds", "Date", "month", "period", "Timestamp", "when")
ID_HEADINGS = ("unique_id", "Store", "item_id", "region", "SKU", "series")
VALUE_HEADINGS = ("y", "Sales", "value", "demand", "Amount", "units")


def _level(series: str, n: int) -> float:
    return round({"north": 100.0, "south": 240.0}[series] + 0.5 * n + 20 * np.sin(n * np.pi / 6), 1)


def _series(rng: random.Random) -> Iterator[Variation]:
    task = "forecasting.forecast"
    names = ("north", "south")
    long = [(name, when, _level(name, n)) for name in names for n, when in enumerate(MONTHS)]
    rows = [[name, when.isoformat(), str(value)] for name, when, value in long]
    yield Variation(task, "unique_id,ds,y", {"series.csv": table(["unique_id", "ds", "y"], rows)}, truth="months")
    for format, ambiguous in MONTH_FORMATS.items():
        for place, (when_h, id_h, value_h) in enumerate(zip(DATE_HEADINGS, ID_HEADINGS, VALUE_HEADINGS, strict=True)):
            if place % 2 == len(format) % 2:
                continue
            own = [[name, when.strftime(format), str(value)] for name, when, value in long]
            head, own = shuffled(rng, [id_h, when_h, value_h], own)
            files = {"data.csv": table(head, own, rng.choice([",", "\t"]))}
            yield Variation(task, f"{', '.join(head)}, {format}", files, ambiguous, truth="months")
    comma = [[name, when.isoformat(), str(value).replace(".", ",")] for name, when, value in long]
    yield Variation(task, "decimal comma", {"d.csv": table(["Filiale", "Datum", "Umsatz"], comma, ";")}, truth="months")
    numbered = [[name, str(w.year), str(w.month), str(v)] for name, w, v in long]
    yield Variation(
        task, "year and month", {"d.csv": table(["region", "year", "month", "y"], numbered)}, truth="months"
    )
    wide = [[w.isoformat(), *(str(_level(name, n)) for name in names)] for n, w in enumerate(MONTHS)]
    yield Variation(task, "wide", {"d.csv": table(["date", *names], wide)}, truth="months")
    yield Variation(task, "wide, in a folder", {"x/d.csv": table(["", *names], wide)}, truth="months")
    across = [[name, *(str(_level(name, n)) for n in range(len(MONTHS)))] for name in names]
    heads = ["region", *(w.strftime("%Y-%m") for w in MONTHS)]
    yield Variation(task, "dates across", {"d.csv": table(heads, across)}, truth="months")
    numbers = [[str(names.index(name) + 101), *row] for name, *row in rows]
    named = [[name, *row[1:]] for name, row in zip([r[0] for r in numbers], numbers, strict=True)]
    yield Variation(task, "numbered series", {"d.csv": table(["product_id", "ds", "y"], named)}, truth="numbered")
    for heading in ("store", "SKU", "item", "shop_nr"):
        yield Variation(
            task, f"numbered by {heading}", {"d.csv": table([heading, "day", "sold"], named)}, truth="numbered"
        )
    daily = [[when.isoformat(), str(_level("north", n))] for n, when in enumerate(DAYS)]
    yield Variation(task, "one daily series", {"d.csv": table(["ds", "y"], daily)}, truth="days")
    for format in DAY_FORMATS:
        for separator in (",", ";", "\t"):
            own = [[when.strftime(format), str(_level("north", n))] for n, when in enumerate(DAYS)]
            head, own = shuffled(rng, ["date", "y"], own)
            yield Variation(
                task, f"days as {format} ({separator!r})", {"d.csv": table(head, own, separator)}, truth="days"
            )
    for scale, what in ((1, "seconds"), (1_000, "milliseconds"), (1_000_000_000, "nanoseconds")):
        own = [
            [str((when - date(1970, 1, 1)).days * 86_400 * scale), str(_level("north", n))]
            for n, when in enumerate(DAYS)
        ]
        yield Variation(task, f"{what} since 1970", {"d.csv": table(["timestamp", "y"], own)}, truth="days")
