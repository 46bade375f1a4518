"""A zip made by a stranger: nothing leaves the folder, nothing grows without end, everything refused is named."""

from __future__ import annotations

import io
import os
import stat
import struct
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.contract import InputError, Skipped
from engines.data.archive import Limits, is_clutter, unpack
from engines.data.unpacked import prepared


def make_zip(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def files_below(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def reasons(skipped: list[Skipped]) -> dict[str, str]:
    return {entry.where: entry.reason for entry in skipped}


def test_members_land_below_out_with_their_bytes(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"cats/a b.jpg": b"one", "./dogs//é.jpg": b"two", "empty/": b""})
    assert unpack(archive, tmp_path / "out") == []
    assert files_below(tmp_path / "out") == {"cats/a b.jpg": b"one", "dogs/é.jpg": b"two"}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../evil.txt", "has '..' in its path"),
        ("cats/../../evil.txt", "has '..' in its path"),
        ("..\\evil.txt", "has '..' in its path"),
        ("cats\\..\\..\\evil.txt", "has '..' in its path"),
        ("/etc/evil.txt", "has an absolute path"),
        ("\\\\server\\share\\evil.txt", "has an absolute path"),
        ("C:/evil.txt", "has an absolute path"),
        ("c:evil.txt", "has an absolute path"),
        ("a\x1b[31m.txt", "has no proper name"),
        ("cats/" + 300 * "x", "has a name that this computer cannot write"),
    ],
)
def test_a_name_that_leads_astray_is_left_out_and_named(tmp_path: Path, name: str, reason: str) -> None:
    archive = make_zip(tmp_path / "a.zip", {name: b"x", "good.txt": b"y"})
    (entry,) = unpack(archive, tmp_path / "deep/out")
    assert entry.reason == reason
    assert entry.where.isprintable()
    assert files_below(tmp_path / "deep") == {"out/good.txt": b"y"}


def test_backslashes_of_old_windows_programs_make_folders(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"cats\\1.jpg": b"x"})
    assert unpack(archive, tmp_path / "out") == []
    assert files_below(tmp_path / "out") == {"cats/1.jpg": b"x"}


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK])
def test_links_and_devices_are_left_out(tmp_path: Path, kind: int) -> None:
    link = zipfile.ZipInfo("cats")
    link.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc")
        archive.writestr("cats/passwd", b"x")
    assert reasons(unpack(tmp_path / "a.zip", tmp_path / "out")) == {"cats": "is a link or a device, not a file"}
    assert files_below(tmp_path / "out") == {"cats/passwd": b"x"}


def test_clutter_is_left_out_without_a_word(tmp_path: Path) -> None:
    clutter = [
        "__MACOSX/cats/._1.jpg",
        "cats/.DS_Store",
        "cats/Thumbs.db",
        ".git/config",
        "cats/.hidden.jpg",
        "Desktop.ini",
    ]
    archive = make_zip(tmp_path / "a.zip", {**dict.fromkeys(clutter, b"x"), "cats/1.jpg": b"y"})
    assert unpack(archive, tmp_path / "out") == []
    assert files_below(tmp_path / "out") == {"cats/1.jpg": b"y"}
    assert all(map(is_clutter, clutter))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_duplicates_and_clashes_keep_the_first(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("cats/caf\u00e9.jpg", b"first")
        archive.writestr("cats/cafe\u0301.jpg", b"the same name, otherwise spelt")
        archive.writestr("cats/caf\u00e9.jpg/inside.jpg", b"a file is no folder")
        archive.writestr("cats", b"a folder is no file")
        archive.writestr("cats/caf\u00e9.jpg", b"again")
    skipped = unpack(tmp_path / "a.zip", tmp_path / "out")
    assert {entry.reason for entry in skipped} == {"has the name of another file in the archive"}
    assert len(skipped) == 4
    assert files_below(tmp_path / "out") == {"cats/caf\u00e9.jpg": b"first"}


def test_nothing_that_lies_in_out_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_bytes(b"mine")
    (tmp_path / "elsewhere.txt").write_bytes(b"mine too")
    (tmp_path / "out/link.txt").symlink_to(tmp_path / "elsewhere.txt")
    archive = make_zip(tmp_path / "a.zip", {"mine.txt": b"x", "link.txt": b"y", "new.txt": b"z"})
    assert set(reasons(unpack(archive, tmp_path / "out"))) == {"mine.txt", "link.txt"}
    assert (tmp_path / "out/mine.txt").read_bytes() == b"mine"
    assert (tmp_path / "elsewhere.txt").read_bytes() == b"mine too"


# --- names in old encodings -----------------------------------------------------------------------


def without_utf8_flag(path: Path, name: bytes, content: bytes = b"x") -> Path:
    """A zip whose one member's name is these bytes, with no word on their encoding."""
    make_zip(path, {"?" * len(name): content}, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"?" * len(name), name))
    return path


@pytest.mark.parametrize("encoding", ["cp437", "utf-8"], ids=["Windows", "macOS"])
def test_accents_without_the_utf8_flag(tmp_path: Path, encoding: str) -> None:
    archive = without_utf8_flag(tmp_path / "a.zip", "café noir/é.jpg".encode(encoding))
    assert unpack(archive, tmp_path / "out") == []
    assert set(files_below(tmp_path / "out")) == {"café noir/é.jpg"}


def test_decomposed_accents_are_composed(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"cafe\u0301/1.jpg": b"x"})
    assert unpack(archive, tmp_path / "out") == []
    assert names_in(tmp_path / "out") == ["caf\u00e9"]


# --- damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "the file is empty"),
        (b"This is a letter.", "it is no zip"),
        (b"Rar!\x1a\x07\x00", "it is no zip"),
        (b"PK\x05\x06" + bytes(18), "the zip is empty"),
        (b"PK\x03\x04", "the zip is cut short or damaged"),
    ],
)
def test_a_file_that_is_no_zip_is_refused(tmp_path: Path, content: bytes, found: str) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(InputError) as caught:
        unpack(tmp_path / "a.zip", tmp_path / "out")
    (problem,) = caught.value.problems
    assert (problem.where, problem.found) == ("a.zip", found)


def test_a_zip_cut_short_is_refused(tmp_path: Path) -> None:
    whole = make_zip(tmp_path / "a.zip", {f"cats/{n}.jpg": os.urandom(1000) for n in range(9)}).read_bytes()
    (tmp_path / "a.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"a\.zip: the zip is cut short or damaged"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.zip: it cannot be opened"):
        unpack(tmp_path / "none.zip", tmp_path / "out")


def test_a_wrong_checksum_leaves_one_member_out(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"bad.txt": b"AAAABBBB", "good.txt": b"fine"}, zipfile.ZIP_STORED)
    archive.write_bytes(archive.read_bytes().replace(b"AAAABBBB", b"AAAABBBX"))
    assert reasons(unpack(archive, tmp_path / "out")) == {
        "bad.txt": "is damaged (it cannot be unpacked, or its checksum does not match)"
    }
    assert files_below(tmp_path / "out") == {"good.txt": b"fine"}


def test_a_password_leaves_a_member_out_and_alone_refuses_the_zip(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"secret.txt": b"x"})
    raw = bytearray(archive.read_bytes())
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(raw)
    with pytest.raises(InputError, match=r"no file in it that can be used: secret\.txt is protected by a password"):
        unpack(archive, tmp_path / "out")


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressions_that_unpack_without_bound_are_left_out(tmp_path: Path, compression: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("odd.txt", b"x" * 100, compression)
        archive.writestr("good.txt", b"y")
    assert reasons(unpack(tmp_path / "a.zip", tmp_path / "out")) == {"odd.txt": "is packed in an unusual way"}


# --- bombs ----------------------------------------------------------------------------------------


def test_a_bomb_among_photographs_is_left_out_and_leaves_nothing_behind(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"bomb.png": bytes(30 << 20), "good.txt": b"y"})
    assert archive.stat().st_size < 40_000
    assert reasons(unpack(archive, tmp_path / "out")) == {"bomb.png": "unpacks to more than 200 times its packed size"}
    assert files_below(tmp_path / "out") == {"good.txt": b"y"}


def test_a_bomb_alone_refuses_the_zip(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"bomb.png": bytes(30 << 20)})
    with pytest.raises(InputError, match=r"a\.zip: .*bomb\.png unpacks to more than 200 times"):
        unpack(archive, tmp_path / "out")


def test_a_blank_page_is_no_bomb(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"blank.bmp": bytes(9 << 20)})
    assert unpack(archive, tmp_path / "out") == []


def test_a_header_that_claims_less_does_not_hide_a_bomb(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"bomb.png": bytes(30 << 20), "good.txt": b"y"})
    size = struct.pack("<L", 30 << 20)
    archive.write_bytes(archive.read_bytes().replace(size, struct.pack("<L", 10)))
    assert set(reasons(unpack(archive, tmp_path / "out"))) == {"bomb.png"}
    assert files_below(tmp_path / "out") == {"good.txt": b"y"}


def test_caps_on_members_bytes_and_one_members_bytes(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {f"{n}.bin": os.urandom(100) for n in range(10)})
    with pytest.raises(InputError, match="it has 10 entries, more than 9"):
        unpack(archive, tmp_path / "out", Limits(members=9))
    with pytest.raises(InputError, match="it unpacks to more than 950 bytes"):
        unpack(archive, tmp_path / "out", Limits(total_bytes=950))
    assert len(files_below(tmp_path / "out")) == 9
    with pytest.raises(InputError, match=r"0\.bin unpacks to more than 99 bytes"):
        unpack(archive, tmp_path / "out2", Limits(member_bytes=99))
    assert unpack(archive, tmp_path / "out3", Limits(members=10, total_bytes=1000, member_bytes=100)) == []


def test_members_left_out_count_towards_the_total(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {f"{n}.bin": bytes(3 << 20) for n in range(10)})
    with pytest.raises(InputError, match="it unpacks to more than 5,242,880 bytes"):
        unpack(archive, tmp_path / "out", Limits(total_bytes=5 << 20, ratio_from=2 << 20))
    assert files_below(tmp_path / "out") == {}


def test_a_huge_table_of_contents_is_refused_before_it_is_read(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {f"{n:0200d}": b"" for n in range(6000)})
    with pytest.raises(InputError, match="cut short or damaged"):
        unpack(archive, tmp_path / "out", Limits(members=10))


def test_limits_can_be_set_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_ZIP_MEMBERS", "12")
    assert Limits().members == 12
    assert Limits().ratio == 200
    monkeypatch.setenv("HEADSTART_ZIP_RATIO", "lots")
    with pytest.raises(InputError, match="HEADSTART_ZIP_RATIO: found 'lots'"):
        Limits()


def test_a_full_disk_is_an_input_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = make_zip(tmp_path / "a.zip", {"a.bin": b"x"})

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(InputError, match="No space left on device"):
        unpack(archive, tmp_path / "out")


# --- whatever comes in ----------------------------------------------------------------------------

SMALL = Limits(members=20, total_bytes=4000, member_bytes=2000, ratio=50, ratio_from=500)
PARTS = st.sampled_from(["..", ".", "", "a", "b", "A", "é", "e\u0301", "C:", "~", "\\", "x" * 300])
NAMES = st.one_of(
    st.text(max_size=20), st.lists(PARTS, max_size=6).map("/".join), st.lists(PARTS, max_size=4).map("\\".join)
)
CONTENTS = st.one_of(st.binary(max_size=50), st.integers(0, 3000).map(bytes))
MODES = st.sampled_from([0, stat.S_IFREG | 0o644, stat.S_IFDIR, stat.S_IFLNK | 0o777, stat.S_IFIFO, 0o170000])


@contextmanager
def sandbox() -> Iterator[Path]:
    """An empty folder `box/out` to unpack to; the archive lies outside of `box`, and `box` holds a witness."""
    with tempfile.TemporaryDirectory() as folder:
        box = Path(folder) / "box"
        (box / "out").mkdir(parents=True)
        (box / "witness").write_bytes(b"untouched")
        yield Path(folder)


def unpack_and_check(folder: Path, raw: bytes) -> None:
    """Unpacks `raw`; whatever it is, nothing else than InputError comes and nothing lies outside `out`."""
    (folder / "a.zip").write_bytes(raw)
    out = folder / "box/out"
    complaint = "a.zip: none"
    try:
        unpack(folder / "a.zip", out, SMALL)
    except InputError as error:
        complaint = str(error)
    assert complaint.startswith("a.zip: ")
    assert names_in(folder) == ["a.zip", "box"]
    assert names_in(folder / "box") == ["out", "witness"]
    assert (folder / "box/witness").read_bytes() == b"untouched"
    written = [path for path in out.rglob("*") if not path.is_dir()]
    assert not any(path.is_symlink() for path in out.rglob("*"))
    sizes = [path.stat().st_size for path in written]
    assert len(sizes) <= SMALL.members
    assert sum(sizes) <= SMALL.total_bytes
    assert max(sizes, default=0) <= SMALL.member_bytes


def archive_of(members: list[tuple[str, bytes, int]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, mode in members:
            info = zipfile.ZipInfo()
            info.filename = name  # past the clean-up that the constructor does
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return buffer.getvalue()


@pytest.mark.filterwarnings("ignore:Duplicate name")
@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(NAMES, CONTENTS, MODES), max_size=25))
def test_any_names_and_contents(members: list[tuple[str, bytes, int]]) -> None:
    try:
        raw = archive_of(members)
    except (UnicodeEncodeError, ValueError):  # a name that no zip can hold
        return
    with sandbox() as folder:
        unpack_and_check(folder, raw)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.binary(max_size=200).map(lambda tail: b"PK\x03\x04" + tail)))
def test_any_bytes(raw: bytes) -> None:
    with sandbox() as folder:
        unpack_and_check(folder, raw)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=6), st.integers(0, 100))
def test_a_mutated_zip(changes: list[tuple[int, int]], cut: int) -> None:
    members = [("cats/1.jpg", b"abc" * 40, 0), ("dogs/é.jpg", bytes(range(200)), 0), ("../up.jpg", b"x", 0)]
    raw = bytearray(archive_of(members))
    for position, value in changes:
        raw[position % len(raw)] = value
    with sandbox() as folder:
        unpack_and_check(folder, bytes(raw[: len(raw) - cut]))


# --- made once ------------------------------------------------------------------------------------


def test_a_prepared_folder_is_used_again_until_the_file_changes(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"../up.txt": b"x", "a.txt": b"y"})
    calls = []

    def fill(out: Path) -> list[Skipped]:
        calls.append(out)
        return unpack(archive, out)

    first = prepared(archive, tmp_path / "work", fill)
    assert first == (first[0], [Skipped("../up.txt", "has '..' in its path")])
    assert prepared(archive, tmp_path / "work", fill) == first
    assert len(calls) == 1
    make_zip(archive, {"other.txt": b"longer than before"})
    second, _ = prepared(archive, tmp_path / "work", fill)
    assert len(calls) == 2
    assert set(files_below(second)) == {"other.txt", ".skipped.json"}


def test_nothing_stays_of_a_preparation_that_failed(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"no zip")
    with pytest.raises(InputError):
        prepared(tmp_path / "a.zip", tmp_path / "work", lambda out: unpack(tmp_path / "a.zip", out))
    assert names_in(tmp_path / "work") == []
