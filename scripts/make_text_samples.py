"""Makes the reviews and tweets that come with Headstart: engines/text/shipped/{films,products,tweets}.tsv.

    python scripts/make_text_samples.py [--downloads DIR]

Fetches the source archive of vaderSentiment 0.5 (MIT) with pip unless it is in DIR. The same draw every time.
"""

from __future__ import annotations

import argparse
import csv
import html
import random
import sys
import tempfile
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engines.text.duplicates import plain
from engines.text.samples import SHIPPED
from scripts.elmo_corpus import VADER, fetched, vader_rows

SETS = {"films": "movieReviewSnippets", "products": "amazonReviewSnippets", "tweets": "tweets"}
NAMING = ("@", "http")
"""What no tweet that is drawn has in it: it may lead to a person."""
TRAIN, TEST = 500, 300
CLEAR = 1.0
"""A mean rating further than this from 0 (on a scale from -4 to 4) is a clear one: the rest is not drawn from."""
SEED = 0

Row = tuple[float, str]


def drawn(rows: list[Row], without: tuple[str, ...] = ()) -> list[Row]:
    """TRAIN + TEST clearly rated texts, at random; of texts that differ in punctuation alone, the first only; of
    those `without` these signs."""
    distinct: dict[str, Row] = {}
    for rating, text in rows:
        text = " ".join(html.unescape(text).split())
        if abs(rating) > CLEAR and text and not any(sign in text for sign in without):
            distinct.setdefault(plain(text), (rating, text))
    return random.Random(SEED).sample(list(distinct.values()), TRAIN + TEST)


def write(path: Path, rows: list[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(["text", "label", "split", "mean_rating"])
        for number, (rating, text) in enumerate(rows):
            label, split = "positive" if rating > 0 else "negative", "train" if number < TRAIN else "test"
            writer.writerow([text, label, split, f"{rating:.2f}"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--downloads", type=Path, help="folder with the archive, or for it")
    chosen = parser.parse_args().downloads
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        archive = fetched(folder, VADER, "--no-binary", ":all:")
        texts = dict(vader_rows(archive))
        with zipfile.ZipFile(archive) as source:
            licence = next(name for name in source.namelist() if name.endswith("/LICENSE.txt"))
            (SHIPPED / "LICENSE-vaderSentiment.txt").write_bytes(source.read(licence).replace(b"\r\n", b"\n"))
    for name, original in SETS.items():
        path = SHIPPED / f"{name}.tsv"
        write(path, drawn(texts[original], NAMING if name == "tweets" else ()))
        print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
