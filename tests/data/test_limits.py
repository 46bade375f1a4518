"""Small files that promise far more than anybody fills: refused in a sentence, soon."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from engines import paths
from engines.contract import InputError
from engines.data.archive import MOST_DEEP, Limits, unpack
from engines.data.tables import read_table
from engines.data.unpacked import files_below


def test_a_sheet_whose_last_cell_is_the_last_of_all(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["text", "label"], ["good", "a"], ["bad", "b"]):
        book.active.append(row)
    book.active["XFD1048576"] = "here"
    book.save(tmp_path / "bomb.xlsx")
    assert (tmp_path / "bomb.xlsx").stat().st_size < 10_000
    with pytest.raises(InputError) as caught:
        read_table(tmp_path / "bomb.xlsx")
    assert "it has more than 50,000,000 cells, empty ones included" in str(caught.value)


def test_a_sheet_with_empty_rows_between_is_read_whole(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["text", "label"], ["good", "a"]):
        book.active.append(row)
    book.active["A5000"], book.active["B5000"] = "bad", "b"
    book.save(tmp_path / "gap.xlsx")
    assert read_table(tmp_path / "gap.xlsx").rows == [["good", "a"], ["bad", "b"]]


def test_a_parquet_file_that_says_one_thing_very_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_TABLE_CELLS", "1000000")
    same = pa.DictionaryArray.from_arrays(pa.array(np.zeros(600_000, np.int32)), pa.array(["yes"]))
    parquet.write_table(pa.table({"text": same, "label": same}), tmp_path / "bomb.parquet")
    assert (tmp_path / "bomb.parquet").stat().st_size < 10_000
    with pytest.raises(InputError, match="it has more than 1,000,000 cells"):
        read_table(tmp_path / "bomb.parquet")


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_many_small_bombs_are_one_large_one(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "many.zip", {f"{n}.txt": bytes(100_000) for n in range(50)})
    limits = Limits(whole_ratio_from=1_000_000, free_bytes=0)
    with pytest.raises(InputError, match="it unpacks to more than 200 times its size"):
        unpack(archive, tmp_path / "out", limits)


def test_the_disk_keeps_a_floor(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "some.zip", {"a.txt": b"a" * 1000})
    with pytest.raises(InputError, match="it would leave less than 1e\\+03 GB of the disk free"):
        unpack(archive, tmp_path / "out", Limits(free_bytes=1000 << 30))


def test_folders_far_down_are_left_out_of_an_archive_and_refused_in_a_folder(tmp_path: Path) -> None:
    deep = "/".join(["d"] * (MOST_DEEP + 1))
    archive = zipped(tmp_path / "deep.zip", {"a.txt": b"a", f"{deep}/b.txt": b"b"})
    (left_out,) = unpack(archive, tmp_path / "out", Limits(free_bytes=0))
    assert left_out.reason == f"lies more than {MOST_DEEP} folders deep"
    (tmp_path / "made" / deep).mkdir(parents=True)
    with pytest.raises(InputError, match=f"its folders lie more than {MOST_DEEP} deep inside one another"):
        files_below(tmp_path / "made")


def test_a_folder_that_links_to_itself_is_walked_once(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.txt").touch()
    (tmp_path / "a" / "again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / ".hidden").touch()
    assert files_below(tmp_path) == [tmp_path / "a" / "one.txt"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such bits")
def test_what_lies_at_home_is_its_owners_alone() -> None:
    made = [paths.runs(), paths.uploads(), paths.cache(), paths.home()]
    assert [folder.stat().st_mode & 0o777 for folder in made] == [0o700] * 4
    paths.home().chmod(0o755)
    paths.uploads()
    assert paths.home().stat().st_mode & 0o777 == 0o700
