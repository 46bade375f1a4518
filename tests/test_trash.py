"""What is put aside can be brought back for a while, and is found once its time is over."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from engines import trash


def folder(place: Path, name: str = "run") -> Path:
    made = place / name
    made.mkdir()
    (made / "kept").write_text("all of it", encoding="utf-8")
    os.utime(made, (0, 0))  # nobody has touched it since 1970
    return made


def test_there_and_back(tmp_path: Path) -> None:
    own = folder(tmp_path)
    gone = trash.put_aside(own)
    assert not own.exists()
    assert trash.is_aside(gone)
    assert gone == trash.aside(own)
    assert trash.bring_back(own)
    assert (own / "kept").read_text(encoding="utf-8") == "all of it"
    assert not trash.bring_back(own), "it is no longer aside"


def test_its_time_begins_when_it_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = trash.put_aside(folder(tmp_path))
    folder(tmp_path, "other")
    assert trash.due(tmp_path) == []
    late = trash.SECONDS + 1
    for clock, now in (("time", time.time()), ("monotonic", time.monotonic())):
        monkeypatch.setattr(time, clock, lambda then=now + late: then)
    assert trash.due(tmp_path) == [gone]
