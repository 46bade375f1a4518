"""What is taken home: some files, in a folder or in a zip, as the name says."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def parcel(out: Path) -> Iterator[Path]:
    """A folder to put files in: it is `out`, or, when `out` ends in .zip, what that zip is made of afterwards.

    Where filling it fails, no zip is written.
    """
    if out.suffix != ".zip":
        out.mkdir(parents=True, exist_ok=True)
        yield out
        return
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)
        out.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(out, "w") as archive:  # weights do not compress: stored
            for file in sorted(Path(made).iterdir()):
                archive.write(file, file.name)
