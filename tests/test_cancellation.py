"""Reading stops where nobody waits for it any more, or where it has had its time."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from engines import cancellation
from engines.contract import Cancelled, InputError
from engines.data.archive import unpack
from engines.data.tables import read_table
from engines.data.unpacked import files_below
from engines.vision.images.medmnist import write_folders


def leave() -> None:
    raise Cancelled


def table(ending: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        path = folder / f"table.{ending}"
        texts = [f"text {n}" for n in range(50)]
        if ending == "parquet":
            parquet.write_table(pa.table({"text": texts, "label": texts}), path)
        elif ending == "xlsx":
            book = openpyxl.Workbook()
            for text in texts:
                book.active.append([text, text])
            book.save(path)
        elif ending == "jsonl":
            path.write_text("".join(f'{{"text": "{text}", "label": "a"}}\n' for text in texts))
        elif ending == "json":
            path.write_text("[" + ",\n".join(f'{{"text": "{text}", "label": "a"}}' for text in texts) + "]")
        else:
            path.write_text("text,label\n" + "".join(f"{text},a\n" for text in texts))
        return read_table(path)

    return read


def an_archive(folder: Path) -> object:
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr("a.txt", "a")
    return unpack(folder / "a.zip", folder / "out")


def medmnist(folder: Path) -> object:
    out = io.BytesIO()
    np.savez(out, train_images=np.zeros((4, 8, 8), np.uint8), train_labels=np.zeros((4, 1), np.uint8))
    (folder / "m.npz").write_bytes(out.getvalue())
    return write_folders(folder / "m.npz", folder / "out")


READERS = {
    **{ending: table(ending) for ending in ("csv", "xlsx", "parquet", "jsonl", "json")},
    "zip": an_archive,
    "medmnist": medmnist,
    "folder": files_below,
}


@pytest.mark.parametrize("name", READERS)
def test_every_reader_stops_when_nobody_wants_it_any_more(name: str, tmp_path: Path) -> None:
    READERS[name](tmp_path)  # as long as somebody does, it is read
    (tmp_path / "again").mkdir()
    with pytest.raises(Cancelled), cancellation.watched(leave):
        READERS[name](tmp_path / "again")


def test_what_takes_too_much_of_the_processor_is_a_sentence() -> None:
    def read_without_end() -> None:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            cancellation.cancellation_point()

    with pytest.raises(InputError, match="more than 0 seconds of this host"), cancellation.watched(lambda: None, 0.05):
        read_without_end()


def test_nobody_is_asked_more_than_ten_times_a_second_nor_afterwards() -> None:
    asked = []
    with cancellation.watched(lambda: asked.append(1)):
        for _ in range(1000):
            cancellation.cancellation_point()
    cancellation.cancellation_point()
    assert len(asked) == 1
