"""Files of formats that are not read: named by how they begin, with what to do, and counted."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.contract import Skipped
from engines.data.foreign import kinds


@pytest.mark.parametrize(
    ("start", "one"),
    [
        (b"\0\0\0\x18ftypheic", "a HEIC photo"),
        (b"\0\0\0\x18ftypmif1", "a HEIC photo"),
        (b"\0\0\0\x18ftypcrx ", "a camera's raw file (Canon)"),
        (b"II*\0\x10\0\0\0CR\x02\0", "a camera's raw file (Canon)"),
        (b"FUJIFILMCCD-RAW 0201", "a camera's raw file (Fujifilm)"),
        (b"\xff\x0a", "a JPEG XL picture"),
        (b"\0\0\0\x0cjP  \r\n", "a JPEG 2000 picture"),
        (b"8BPS", "a Photoshop file"),
        (b'<?xml version="1.0"?>\n<svg ', "an SVG drawing"),
        (b"\0\0\0\x20ftypisom", "a film"),
        (b"<!DOCTYPE html><html>", "a web page, perhaps of a download that failed"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer, which only says where the file is"),
        (b"\x89PNG\r\n", None),
        (b"", None),
    ],
)
def test_pictures_of_other_formats(tmp_path: Path, start: bytes, one: str | None) -> None:
    (tmp_path / "a.jpg").write_bytes(start + bytes(300) if start else b"")
    found = kinds.named(tmp_path / "a.jpg", kinds.PICTURES)
    assert (found and found.one) == one


@pytest.mark.parametrize(
    ("start", "one"),
    [
        (b"\0\0\0\x20ftypM4A ", "an M4A or MP4 file"),
        (b"\x1aE\xdf\xa3", "a WebM or Matroska file"),
        (b"#!AMR-WB\n", "an AMR file"),
        (b"0&\xb2u\x8ef\xcf\x11", "a Windows Media file"),
        (b"\xff\xf1\x50\x80", "an AAC file"),
        (b"caff\0\x01", "a CAF file with compressed sound"),
        (b"MThd\0\0\0\x06", "a MIDI file, which holds notes and no sound"),
        (b"RIFF\0\0\0\0WAVE", None),
    ],
)
def test_sounds_of_other_formats(tmp_path: Path, start: bytes, one: str | None) -> None:
    (tmp_path / "a.wav").write_bytes(start + bytes(300))
    found = kinds.named(tmp_path / "a.wav", kinds.SOUNDS)
    assert (found and found.one) == one


def test_a_sentence_a_format_with_its_count() -> None:
    phone, webm = (
        next(kind for kind in kinds.PICTURES + kinds.SOUNDS if kind.one == one)
        for one in ("a HEIC photo", "a WebM or Matroska file")
    )
    skipped = [
        Skipped("a", phone.phrase),
        Skipped("b", phone.phrase),
        Skipped("c", webm.phrase),
        Skipped("d", "is empty"),
    ]
    assert kinds.notes(skipped) == [
        "2 files are HEIC photos, which are not read here: save them as JPEG (on an iPhone: Settings, Camera, Formats, "
        "Most Compatible).",
        "One file is a WebM or Matroska file, which is not read here: convert it to WAV, such as with ffmpeg -i "
        "sound.webm sound.wav.",
    ]


@given(st.binary(max_size=600))
def test_no_bytes_make_it_fail(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(content)
    for group in (kinds.PICTURES, kinds.SOUNDS):
        found = kinds.named(path, group)
        assert found is None or found.phrase.startswith("is ")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert kinds.named(tmp_path / "none", kinds.PICTURES) is None
