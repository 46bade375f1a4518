"""Small files that show how data may look: people download them, and put their own in place of the examples."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence

START_OF_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip knows: the same template is the same bytes


def table(columns: Sequence[str], rows: Iterable[Sequence[str | float]]) -> bytes:
    """A CSV file, as a spreadsheet opens and saves it: with a byte order mark."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def archive(files: Mapping[str, bytes]) -> bytes:
    """A zip of these files; a name that ends in '/' is an empty folder."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(zipfile.ZipInfo(name, START_OF_TIME), content)
    return target.getvalue()
