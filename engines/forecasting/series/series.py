"""Series as they lie on disk: one long array of numbers, mapped, and a small table of contents.

Memory does not grow with the number of series: whoever walks over them holds one at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engines.contract import Skipped
from engines.forecasting.series.frequency import Frequency


@dataclass(frozen=True)
class Series:
    """One series on its even grid."""

    name: str
    start: int
    """Grid step of its first value."""
    values: np.ndarray
    """float64 (T,), nan where nothing was observed; the first and the last are observed."""

    def __len__(self) -> int:
        return len(self.values)


@dataclass
class SeriesTable:
    """Everything found in somebody's table of series."""

    names: list[str]
    """In the order in which they appear."""
    starts: list[int]
    lengths: list[int]
    frequency: Frequency
    columns: dict[str, Any]
    """What each column was taken for: layout, date, series, values."""
    notes: list[str]
    skipped: list[Skipped]
    sha256: str
    """Over every series' name, dates and values."""
    observed: int = 0
    """Values that are there."""
    repeated: int = 0
    """Dates that occurred several times within a series."""
    missing: int = 0
    """Steps within the series that have none."""
    features: list[str] = field(default_factory=list)
    """What is known ahead beside each series: numbers of columns, and one feature for each text of a column."""
    beyond: list[int] = field(default_factory=list)
    """Steps after the last value for which anything is known; one a series where there are features."""
    folder: Path = field(default=Path(), compare=False)
    file: str = field(default="values.npy", compare=False)

    @property
    def values(self) -> np.ndarray:
        """float64 (sum of lengths,), mapped from disk."""
        return np.load(self.folder / self.file, mmap_mode="r")

    def known(self, position: int) -> np.ndarray:
        """float64 (T + steps beyond, features): what is known ahead beside a series, nan where missing."""
        length = self.lengths[position] + (self.beyond[position] if self.features else 0)
        if not self.features:
            return np.empty((length, 0))
        start = self.offsets[position] + sum(self.beyond[:position])
        return np.array(np.load(self.folder / "ahead.npy", mmap_mode="r")[start : start + length])

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Series]:
        return (self.at(position) for position in range(len(self)))

    def at(self, position: int) -> Series:
        offset = self.offsets[position]
        values = np.array(self.values[offset : offset + self.lengths[position]])
        return Series(self.names[position], self.starts[position], values)

    @property
    def offsets(self) -> list[int]:
        if len(self._offsets) != len(self.lengths):
            self._offsets = [0, *np.cumsum(self.lengths)[:-1].tolist()]
        return self._offsets

    _offsets: list[int] = field(default_factory=list, repr=False, compare=False)

    def save(self, folder: Path) -> None:
        kept = {key: value for key, value in asdict(self).items() if key not in {"folder", "file", "_offsets"}}
        (folder / "series.json").write_text(json.dumps(kept, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> SeriesTable:
        kept = json.loads((folder / "series.json").read_text(encoding="utf-8"))
        kept["frequency"] = Frequency(**kept["frequency"])
        kept["skipped"] = [Skipped(**entry) for entry in kept["skipped"]]
        return cls(**kept, folder=folder)
