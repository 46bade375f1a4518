"""A model's answers as a table: laid flat, kept when it is stopped, looked through, safe for a spreadsheet."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.contract import Cancelled, InputError, Problem
from engines.reporting import answers

CELLS = st.one_of(st.none(), st.booleans(), st.integers(-(2**40), 2**40), st.floats(allow_nan=False), st.text())


def row(number: int, label: str = "cat", confidence: float = 0.9) -> dict[str, Any]:
    other = 1 - confidence
    shares = {"cat": confidence, "dog": other} if label == "cat" else {"cat": other, "dog": confidence}
    return {"file": f"{number}.png", "label": label, "confidence": confidence, "probabilities": shares}


def bad(number: int) -> dict[str, Any]:
    return {"file": f"{number}.png", "error": "is cut short"}


def test_a_row_is_laid_flat() -> None:
    said = {"file": "a", "probabilities": {"x": 0.5}, "quantiles": {"0.1": 2.0}, "boxes": [{"label": "é"}], "n": 3}
    assert answers.flat(said) == {"file": "a", "p_x": 0.5, "q0.1": 2.0, "boxes": '[{"label": "é"}]', "n": 3}


def test_what_is_written_is_counted_and_read_back(tmp_path: Path) -> None:
    """Over several groups of the file, a bad row first."""
    n = 2 * answers.TOGETHER + 5
    given = [bad(0), *(row(i, "cat" if i % 3 else "dog", 0.5 + i / (3 * n)) for i in range(1, n))]
    told = answers.write(tmp_path, iter(given))
    dogs = [i for i in range(1, n) if i % 3 == 0]
    assert (told["n"], told["bad"], told["first_bad"]) == (n, 1, [{"file": "0.png", "error": "is cut short"}])
    assert told["labels"] == {"cat": n - 1 - len(dogs), "dog": len(dogs)}
    assert told["complete"]
    assert answers.summary(tmp_path) == told
    assert answers.chosen(tmp_path) == list(range(n))
    assert answers.chosen(tmp_path, label="dog") == dogs
    assert answers.chosen(tmp_path, bad=True) == [0]
    assert answers.chosen(tmp_path, bad=False, least_sure=True) == list(range(1, n)), "the first are the least sure"
    numbers = [n - 1, 0, answers.TOGETHER]
    assert [found["file"] for found in answers.rows(tmp_path, numbers)] == [f"{number}.png" for number in numbers]
    table = pq.read_table(tmp_path / answers.TABLE)
    assert table.num_rows == n
    assert table["p_cat"][1].as_py() == given[1]["probabilities"]["cat"], "to the last digit"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", "é=1"]), CELLS, max_size=3), max_size=8))
def test_any_mixture_of_cells_becomes_a_table(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    told = answers.write(folder, ({"file": str(i), **own} for i, own in enumerate(rows)))
    table = pq.read_table(folder / answers.TABLE)
    assert told["n"] == table.num_rows == len(rows)
    for name in set(table.column_names) - {"file"}:
        kinds = {type(own[name]) for own in rows if own.get(name) is not None}
        for own, cell in zip(rows, table[name].to_pylist(), strict=True):
            expected = own.get(name)
            if expected is not None and len(kinds) > 1:
                expected = float(expected) if kinds == {int, float} else str(expected)
            assert cell == expected


def test_one_that_is_stopped_keeps_what_has_come(tmp_path: Path) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        yield row(1)
        yield row(2)
        raise Cancelled

    with pytest.raises(Cancelled):
        answers.write(tmp_path, rows())
    told = answers.summary(tmp_path)
    assert told is not None
    assert (told["n"], told["complete"]) == (2, False)
    assert pq.read_table(tmp_path / answers.TABLE)["file"].to_pylist() == ["1.png", "2.png"]


def test_one_that_cannot_be_read_leaves_nothing(tmp_path: Path) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        yield bad(1)
        raise InputError(Problem("1.png", "the file is cut short", "accepted: a picture"))

    with pytest.raises(InputError):
        answers.write(tmp_path, rows())
    assert list(tmp_path.iterdir()) == []


def test_texts_of_which_each_is_another_are_not_counted(tmp_path: Path) -> None:
    told = answers.write(tmp_path, ({"file": str(i), "label": f"text {i}"} for i in range(answers.MOST_LABELS + 2)))
    assert told["labels"] is None


def test_no_spreadsheet_computes_a_cell(tmp_path: Path) -> None:
    """Neither of the data nor of a class that somebody called so; numbers stay numbers."""
    answers.write(tmp_path, [{"file": "=1+1", "label": "@SUM", "probabilities": {"=x": -0.5}, "text": "-3"}])
    answers.write_as_csv(tmp_path / answers.TABLE, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        (head, cells) = csv.reader(file)
    assert dict(zip(head, cells, strict=True)) == {"file": "'=1+1", "label": "'@SUM", "p_=x": "-0.5", "text": "-3"}


def test_a_summary_that_was_cut_short_is_none(tmp_path: Path) -> None:
    (tmp_path / answers.SUMMARY).write_text(json.dumps({"n": 1})[:4], encoding="utf-8")
    assert answers.summary(tmp_path) is None
