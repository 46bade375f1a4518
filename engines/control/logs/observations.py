"""Observations that somebody asks a policy about: a table with a column a sensor, or an array."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from engines.contract import InputError, Problem, Skipped
from engines.control.logs import cells
from engines.control.logs.columns import plain
from engines.control.logs.how import AS_FOUND, How
from engines.control.logs.meant import in_radians, sensor_order
from engines.control.simulation.robots import Robot
from engines.data.row_sampling import Table, listed
from engines.data.tables import read_table
from engines.messages import _

MOST = 100_000
"""Observations that are answered at once."""
MOST_UNPACKED = 64 << 20  # bytes of an NPZ file


def read(data: Path, robot: Robot, how: How = AS_FOUND) -> tuple[list[str], np.ndarray, list[Skipped]]:
    """What each good row is called ('line 3'), the observations float32 (B, width), and the rows that are none.

    The columns are those that the run's log had, or are found by the sensors' names, as observation_0, observation_1 …,
    or are the only ones there are. An NPZ or NPY file holds one array `observations` (B, width). Order and unit of the
    numbers are as in the log that the run learnt from (`how`). Raises InputError where no row can be read.
    """
    if not data.is_file():
        raise InputError(Problem(data.name, _("there is no such file"), _accepted(robot)))
    if data.suffix.lower() in {".npz", ".npy"}:
        names, values = _array(data, robot)
        values = values[:, sensor_order(robot, how.sensors)]
    else:
        table = read_table(data, most_rows=MOST)
        names, values = _cells(table, robot, how)
    if len(names) > MOST:
        raise InputError(
            Problem(
                data.name,
                _("it holds {names:,} observations", names=len(names)),
                _("accepted: {most:,} at most", most=MOST),
            )
        )
    with np.errstate(over="ignore"):
        single = (values * in_radians(robot, how)).astype(np.float32)
    good = np.asarray(np.isfinite(single).all(axis=1))
    skipped = [
        Skipped(name, _wrong(row, robot)) for name, row, fine in zip(names, single, good, strict=True) if not fine
    ]
    if not good.any():
        first = (
            _("the first: {where} {reason}", where=skipped[0].where, reason=skipped[0].reason)
            if skipped
            else _("it is empty")
        )
        raise InputError(
            Problem(data.name, _("there is no observation in it ({first})", first=first), _accepted(robot))
        )
    return [name for name, fine in zip(names, good, strict=True) if fine], single[good], skipped


def _accepted(robot: Robot) -> str:
    sensors = ", ".join(name for name, _ in robot.observations[:4])
    more = _(" and {width} more", width=robot.width - 4) if robot.width > 4 else ""
    return _(
        "accepted: a table or an NPZ file with {width} numbers a row ({sensors}{more})",
        width=robot.width,
        sensors=sensors,
        more=more,
    )


def _wrong(row: np.ndarray, robot: Robot) -> str:
    number = int(np.flatnonzero(~np.isfinite(row))[0])
    return _("has no finite number for {observations}", observations=robot.observations[number][0])


# --- tables ---------------------------------------------------------------------------------------


def _cells(table: Table, robot: Robot, how: How) -> tuple[list[str], np.ndarray]:
    places = _places(table, robot, how)
    rows = [[cells.number(row[place]) for place in places] for row in table.rows]
    return [table.where(index) for index in range(len(rows))], np.array(rows, dtype=float).reshape(-1, robot.width)


def _places(table: Table, robot: Robot, how: How) -> list[int]:
    """Which column holds each sensor. Raises InputError."""
    folded = [plain(column) for column in table.columns]
    order = sensor_order(robot, how.sensors)
    for wanted, placed in (
        ([plain(name) for name in how.named("observations")], order),
        ([plain(name) for name, _unused in robot.observations], range(robot.width)),
        ([f"observation_{number}" for number in range(robot.width)], order),
        ([f"obs_{number}" for number in range(robot.width)], order),
    ):
        if len(wanted) == robot.width and all(folded.count(name) == 1 for name in wanted):
            return [folded.index(wanted[at]) for at in placed]
    if len(table.columns) == robot.width:
        return list(order)
    found = _("its columns are {columns}", columns=listed(table.columns, 6))
    raise InputError(Problem(table.name, found, _accepted(robot)))


# --- arrays ---------------------------------------------------------------------------------------


def _array(data: Path, robot: Robot) -> tuple[list[str], np.ndarray]:
    accepted = _accepted(robot)
    try:
        if data.suffix.lower() == ".npz":
            with zipfile.ZipFile(data) as archive:
                unpacked = sum(entry.file_size for entry in archive.infolist())
            if unpacked > MOST_UNPACKED:
                raise InputError(
                    Problem(data.name, _("it unpacks to {unpacked} MiB", unpacked=unpacked >> 20), accepted)
                )
        found = np.load(data, allow_pickle=False, mmap_mode="r")
        if not isinstance(found, np.ndarray):
            with found as opened:
                if "observations" not in opened.files and len(opened.files) != 1:
                    raise InputError(
                        Problem(data.name, _("its arrays are {files}", files=listed(opened.files, 6)), accepted)
                    )
                found = opened["observations" if "observations" in opened.files else opened.files[0]]
    except InputError:
        raise
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile):
        raise InputError(Problem(data.name, _("it cannot be read as an array of numbers"), accepted)) from None
    if found.dtype.kind not in "fiu" or found.ndim != 2 or found.shape[1] != robot.width:
        shape = " × ".join(map(str, found.shape))
        raise InputError(
            Problem(data.name, _("it holds an array of {dtype}, {shape}", dtype=found.dtype, shape=shape), accepted)
        )
    return [_("row {number}", number=number) for number in range(1, len(found) + 1)], found.astype(float)
