"""Cached arrays: computed once, never seen half done, thrown out in order of age."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from engines import paths
from engines.contract import Cancelled, InputError
from engines.jobs import failures
from engines.training import array_cache

FLOAT = np.dtype("float32")


class Filling:
    """Fills an array with a number, and counts how often it had to."""

    def __init__(self, value: float = 7):
        self.value, self.times = value, 0

    def __call__(self, target: np.ndarray) -> None:
        self.times += 1
        target[:] = self.value


def files() -> set[str]:
    return {path.name for path in paths.cache().iterdir()}


def test_computed_once() -> None:
    fill = Filling()
    first, found_first = array_cache.array("a", (2, 3), FLOAT, fill)
    second, found_second = array_cache.array("a", (2, 3), FLOAT, fill)
    assert (fill.times, found_first, found_second) == (1, False, True)
    np.testing.assert_array_equal(first, np.full((2, 3), 7, FLOAT))
    np.testing.assert_array_equal(second, first)
    assert second.dtype == FLOAT
    assert files() == {"a.npy"}


def test_what_a_reader_changes_stays_his() -> None:
    mine, _ = array_cache.array("a", (2,), FLOAT, Filling(1))
    mine[:] = 5
    np.testing.assert_array_equal(array_cache.array("a", (2,), FLOAT, Filling(2))[0], [1, 1])


def test_half_an_array_is_never_seen() -> None:
    def stopped(target: np.ndarray) -> None:
        target[0] = 1
        assert "a.npy" not in files()
        raise Cancelled

    with pytest.raises(Cancelled):
        array_cache.array("a", (2,), FLOAT, stopped)
    assert files() == set()
    fill = Filling()
    array_cache.array("a", (2,), FLOAT, fill)
    assert fill.times == 1


def test_two_at_once_both_get_a_whole_one() -> None:
    def slow(target: np.ndarray) -> None:
        other, found = array_cache.array("a", (2,), FLOAT, Filling(7))  # another worker wants it meanwhile
        assert not found
        np.testing.assert_array_equal(other, [7, 7])
        target[:] = 7

    np.testing.assert_array_equal(array_cache.array("a", (2,), FLOAT, slow)[0], [7, 7])
    assert files() == {"a.npy"}


@pytest.mark.parametrize("damage", ["empty", "garbage", "cut short", "another shape", "another type"])
def test_a_damaged_file_is_computed_again(damage: str) -> None:
    array_cache.array("a", (200,), FLOAT, Filling(1))
    path = paths.cache() / "a.npy"
    if damage == "another shape":
        np.save(path, np.zeros((3,), FLOAT))
    elif damage == "another type":
        np.save(path, np.zeros((200,), np.float64))
    else:
        path.write_bytes({"empty": b"", "garbage": b"PK\3\4 garbage", "cut short": path.read_bytes()[:300]}[damage])
    fill = Filling(2)
    again, found = array_cache.array("a", (200,), FLOAT, fill)
    assert (fill.times, found) == (1, False)
    np.testing.assert_array_equal(again, np.full(200, 2, FLOAT))


def test_the_least_recently_used_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_CACHE_GB", "1")
    for age, name in ((300, "old"), (200, "used again"), (100, "new")):
        array_cache.array(name, (100,), FLOAT, Filling())
        path = paths.cache() / f"{name}.npy"
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - age))
    array_cache.array("used again", (100,), FLOAT, Filling())
    size = (paths.cache() / "old.npy").stat().st_size
    monkeypatch.setenv("HEADSTART_CACHE_GB", str((2 * size + 400) / 1e9))
    array_cache.array("fresh", (100,), FLOAT, Filling())
    assert files() == {"used again.npy", "new.npy", "fresh.npy"}
    array_cache.evict(size)
    assert len(files()) == 1
    array_cache.evict(0)
    assert files() == set()


def test_an_array_above_the_limit_is_kept_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_CACHE_GB", "0")
    array, _ = array_cache.array("a", (5,), FLOAT, Filling(3))
    np.testing.assert_array_equal(array, [3] * 5)


@pytest.mark.parametrize("text", ["lots", "inf", "nan", ""])
def test_a_limit_that_is_no_number(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("HEADSTART_CACHE_GB", text)
    with pytest.raises(InputError, match=r"^HEADSTART_CACHE_GB: found "):
        array_cache.limit_bytes()


def test_a_key_changes_with_every_part_and_with_nothing_else() -> None:
    assert array_cache.key("a", 1) == array_cache.key("a", 1)
    assert (
        len(
            {
                array_cache.key("a", 1),
                array_cache.key("a", 2),
                array_cache.key("b", 1),
                array_cache.key("a1"),
                array_cache.key(("a", 1)),
            }
        )
        == 5
    )
    assert all(Path(array_cache.key("a/b", "..")).name == name for name in [array_cache.key("a/b", "..")])


# --- a full disk ----------------------------------------------------------------------------------


def test_a_full_disk_is_an_error_that_can_be_told(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Met through a memory map it would be a signal that kills the process."""
    monkeypatch.setenv("HEADSTART_CACHE", str(small_disk))
    fill = Filling()
    with pytest.raises(OSError) as caught:
        array_cache.array("large", (1 << 20,), FLOAT, fill)
    assert failures.disk_is_full(caught.value)
    assert (fill.times, files()) == (0, set())


def test_older_arrays_make_way_on_a_full_disk(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_CACHE", str(small_disk))
    array_cache.array("old", (200_000,), FLOAT, Filling())  # 800 kB of 1 MB
    fresh, _ = array_cache.array("new", (200_000,), FLOAT, Filling(3))
    assert (float(fresh[-1]), files()) == (3, {"new.npy"})


def resident() -> int:
    """Bytes of this process's memory that are pages of mapped files."""
    return int(Path("/proc/self/statm").read_text().split()[2]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="asks Linux how much memory is taken")
def test_what_was_let_go_is_in_the_file_and_no_longer_in_memory() -> None:
    size = 32 << 20

    def fill(target: np.ndarray) -> None:
        before = resident()
        for start in range(0, size, size // 4):
            target[start : start + size // 4] = 7
            array_cache.let_go(target)
        assert resident() - before < size // 2

    found, _ = array_cache.array("large", (size,), np.dtype("uint8"), fill)
    before = resident()
    assert (found == 7).all()
    assert resident() - before > size // 2
    array_cache.let_go(found)
    assert resident() - before < size // 2
    assert (found[:: size // 8] == 7).all()
    array_cache.let_go(np.zeros(3))  # what is not mapped stays as it is
