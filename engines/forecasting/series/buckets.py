"""Rows of many series on disk, so that a table larger than the memory can be sorted."""

from __future__ import annotations

from pathlib import Path

import numpy as np

ROW = np.dtype([("series", "<i4"), ("moment", "<i8"), ("value", "<f8")])
TOGETHER = 64
"""Series that are sorted at once: this bounds the memory, not the number of series."""
BUFFER = 50_000  # rows


class Buckets:
    """Rows on disk, `TOGETHER` series to a file, so that each file can be sorted in memory."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True)
        self.folder = folder
        self.codes: dict[str, int] = {}
        self._rows: list[tuple[int, int, float]] = []
        self._held: tuple[int, np.ndarray] = (-2, np.empty(0, dtype=ROW))

    def add(self, series: str, moment: int, value: float) -> None:
        self._rows.append((self.codes.setdefault(series, len(self.codes)), moment, value))
        if len(self._rows) >= BUFFER:
            self.close()

    def close(self) -> None:
        rows = np.array(self._rows, dtype=ROW)
        self._rows = []
        for bucket in np.unique(rows["series"] // TOGETHER):
            with (self.folder / f"{bucket}").open("ab") as file:
                rows[rows["series"] // TOGETHER == bucket].tofile(file)

    def __len__(self) -> int:
        return -(-len(self.codes) // TOGETHER)

    def sorted(self, bucket: int) -> np.ndarray:
        """The rows of one file by series and moment; equal moments stay in the order of the table."""
        path = self.folder / f"{bucket}"
        rows = np.fromfile(path, dtype=ROW) if path.exists() else np.empty(0, dtype=ROW)
        return rows[np.lexsort((rows["moment"], rows["series"]))]

    def of(self, series: str) -> np.ndarray:
        """The rows of one series by moment. The file that it lies in is held until another is asked for."""
        code = self.codes.get(series, -1)
        if self._held[0] != code // TOGETHER:
            self._held = (code // TOGETHER, self.sorted(code // TOGETHER))
        rows = self._held[1]
        return rows[rows["series"] == code]
