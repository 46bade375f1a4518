"""Tables, series and logs that are too large, too deep, or something else."""

from __future__ import annotations

import io
import json
import zipfile
from itertools import pairwise
from random import Random

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as parquet

from tests.hostile.kinds import cut, damaged, kind

TABLES = ("text.sentiment", "forecasting.forecast")


def sheet(rng: Random) -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    for row in [["text", "label"], *([f"text {n} {rng.random()}", "ab"[n % 2]] for n in range(40))]:
        book.active.append(row)
    return book


def saved(book: openpyxl.Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def rows(rng: Random, n: int = 60) -> str:
    return "text,label\n" + "".join(f"text {k} {rng.random()},{'ab'[k % 2]}\n" for k in range(n))


@kind(".xlsx", *TABLES, whole=True, slow=True, plain="memory")
def sheet_whose_last_cell_is_the_last_of_all(rng: Random) -> bytes:
    book = sheet(rng)
    book.active[f"XFD{1_048_576 - rng.randrange(1000)}"] = "here"
    return saved(book)


@kind(".xlsx", *TABLES, whole=True, slow=True)
def sheet_of_a_billion_laughs(rng: Random) -> bytes:
    names = [f"lol{n}" for n in range(rng.randrange(8, 12))]
    lines = [f'<!ENTITY {names[0]} "lol">']
    lines += [f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in pairwise(names)]
    return remade(
        saved(sheet(rng)),
        "xl/worksheets/sheet1.xml",
        lambda xml: f"<!DOCTYPE w [{''.join(lines)}]>" + xml.replace("text", f"&{names[-1]};", 1),
    )


@kind(".xlsx", *TABLES, whole=True, slow=True, plain="reads")
def sheet_that_unpacks_to_a_gigabyte(rng: Random) -> bytes:
    return remade(
        saved(sheet(rng)), "xl/worksheets/sheet1.xml", lambda xml: xml + " " * (rng.randrange(600, 700) << 20)
    )


@kind(".xlsx", *TABLES, whole=True)
def sheet_damaged(rng: Random) -> bytes:
    return damaged(saved(sheet(rng)), rng, 5)


def remade(book: bytes, name: str, change: object) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            text = old.read(member)
            new.writestr(member, change(text.decode()) if member == name else text)  # type: ignore[operator]  # a function
    return out.getvalue()


@kind(".parquet", *TABLES, whole=True, slow=True)
def parquet_that_says_one_thing_a_billion_times(rng: Random) -> bytes:
    out = io.BytesIO()
    same = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rng.randrange(80, 99) * 10**6, np.int8)), pa.array(["yes"]))
    parquet.write_table(pa.table({"text": same, "label": same}), out)
    return out.getvalue()


@kind(".parquet", *TABLES, whole=True)
def parquet_damaged(rng: Random) -> bytes:
    out = io.BytesIO()
    parquet.write_table(pa.table({"text": [f"a {rng.random()}"] * 50, "label": ["a", "b"] * 25}), out)
    return damaged(out.getvalue(), rng, 6)


@kind(".csv", *TABLES, whole=True, plain="wrong")
def table_of_fifty_thousand_columns(rng: Random) -> bytes:
    wide = ",".join(f"c{n}" for n in range(rng.randrange(30_000, 50_000)))
    return f"{wide}\n{wide}\n{wide}\n".encode()


@kind(".csv", *TABLES, whole=True, slow=True)
def table_whose_quote_never_ends(rng: Random) -> bytes:
    return (rows(rng) + '"never closed,a\n' + rows(rng, 20_000)).encode()


@kind(".csv", *TABLES, whole=True, slow=True, plain="wrong")
def table_of_one_endless_line(rng: Random) -> bytes:
    return b"text,label\n" + b"x" * (rng.randrange(20, 30) << 20)


@kind(".csv", *TABLES, whole=True)
def table_of_noughts_and_noise(rng: Random) -> bytes:
    return rows(rng).encode() + bytes(500) + rng.randbytes(5_000)


@kind(".csv", "forecasting.forecast", whole=True, plain="wrong")
def series_beyond_all_numbers(rng: Random) -> bytes:
    values = ("1e308", "-1e308", "inf", "1e-320", "nan", "9" * 400)
    lines = (
        f"2020-{1 + k // 28:02}-{1 + k % 28:02},{rng.choice(values) if k % 7 == 0 else rng.random()}"
        for k in range(300)
    )
    return ("ds,y\n" + "\n".join(lines)).encode()


@kind(".csv", "forecasting.forecast", whole=True, plain="reads")
def series_over_ten_thousand_years(rng: Random) -> bytes:
    lines = [f"{year:04}-01-01 00:00:0{rng.randrange(9)},{rng.random()}" for year in range(1, 9999, 40)]
    return ("ds,y\n" + "\n".join(lines)).encode()


@kind(".csv", *TABLES, whole=True, plain="wrong")
def cells_that_are_formulas_and_markup(rng: Random) -> bytes:
    evil = ["=HYPERLINK(1)", "+cmd|' /C calc'!A0", "<script>alert(1)</script>", "${7*7}", "{{7*7}}", "@SUM(1)"]
    return ("text,label\n" + "".join(f'"{rng.choice(evil)} {k}","{evil[k % 2]}"\n' for k in range(60))).encode()


@kind(".jsonl", *TABLES, whole=True)
def lines_nested_ten_thousand_deep(rng: Random) -> bytes:
    deep = rng.randrange(5_000, 20_000)
    return ("\n".join(['{"text": ' + "[" * deep + "]" * deep + ', "label": "a"}'] * 5)).encode()


@kind(".json", *TABLES, "control.policy", whole=True)
def json_nested_without_end(rng: Random) -> bytes:
    return b'{"a":' * rng.randrange(50_000, 99_000)


@kind(".json", "control.policy", whole=True, plain="wrong")
def target_of_numbers_that_are_none(rng: Random) -> bytes:
    physics = {"length": rng.choice([1e308, -1e308, 1e-300])}
    return json.dumps({"env": "Pendulum-v1", "physics": physics, "delay": 10**9, "action_gain": float("nan")}).encode()


@kind(".csv", "control.policy", whole=True, plain="wrong")
def log_of_endless_numbers(rng: Random) -> bytes:
    head = "observation_0,observation_1,action,next_observation_0,next_observation_1,reward,terminated\n"
    return (
        head + "".join(f"{rng.choice(['1e308', 'inf', 'nan', '-1e300'])},0,1,0,1e308,nan,0\n" for _ in range(500))
    ).encode()


@kind(".hdf5", "control.policy", whole=True)
def hdf5_that_is_none(rng: Random) -> bytes:
    return b"\x89HDF\r\n\x1a\n" + rng.randbytes(4_000)


@kind(".csv", *TABLES, whole=True, plain="wrong")
def table_cut_in_the_middle_of_a_letter(rng: Random) -> bytes:
    return cut(("text,label\n" + "ä€😀,b\n" * 500).encode(), rng)
