"""Tables of every make are read as they are; what is of no use is refused in a sentence, and nothing else happens."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from engines.contract import InputError
from engines.data import columnar, delimited, json_lines, tables
from engines.data.tables import Table, read_table, safe_cell, write_csv

ROWS = [["text", "label"], ["Ein schöner Tag", "gut"], ["Der Regen hört nicht auf", "schlecht"]]


def table(tmp_path: Path, content: bytes | str, name: str = "a.csv", **options: object) -> Table:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_table(path, **options)  # type: ignore[arg-type]


def complaint(tmp_path: Path, content: bytes | str, name: str = "a.csv") -> str:
    with pytest.raises(InputError) as caught:
        table(tmp_path, content, name)
    return str(caught.value)


def written(rows: list[list[str]], **dialect: object) -> str:
    text = io.StringIO()
    csv.writer(text, **dialect).writerows(rows)  # type: ignore[arg-type]
    return text.getvalue()


# --- separators, encodings, headers ---------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
@pytest.mark.parametrize("separator", list(delimited.SEPARATORS))
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_separator_encoding_and_line_end(tmp_path: Path, encoding: str, separator: str, end: str) -> None:
    text = written(ROWS, delimiter=separator, lineterminator=end)
    found = table(tmp_path, text.encode(encoding))
    assert (found.columns, found.rows) == (ROWS[0], ROWS[1:])
    assert [found.where(0), found.where(1)] == ["line 2", "line 3"]
    assert (found.n_rows, found.skipped) == (2, [])


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1251", "Этот фильм мне очень понравился, спасибо"),
        ("cp1253", "Αυτή η ταινία μου άρεσε πάρα πολύ"),
        ("shift_jis", "この映画はとても面白かったです"),
        ("gb18030", "这部电影非常好看我很喜欢"),
    ],
)
def test_an_old_encoding_of_another_script_is_guessed_and_told(tmp_path: Path, encoding: str, text: str) -> None:
    content = "text,label\n" + f'"{text}",good\n' * 20
    found = table(tmp_path, content.encode(encoding))
    assert found.rows[0] == [text, "good"]
    assert found.notes[0].startswith("This is no UTF-8: read as")


@pytest.mark.parametrize("text", ["שלום עולם, סרט נהדר", "فيلم رائع جدا", "👍🏽 très bon 🎬", "e\u0301\u200f x"])
def test_any_script_in_any_direction(tmp_path: Path, text: str) -> None:
    assert table(tmp_path, written([["text", "label"], [text, "a"]])).rows == [[text, "a"]]


def test_one_wrong_byte_among_many_letters_is_no_other_encoding(tmp_path: Path) -> None:
    found = table(tmp_path, b"text,label\n" + "äöü,a\n".encode() * 20 + b"bad \xff,b\n")
    assert found.rows[0] == ["äöü", "a"]
    assert found.rows[-1] == ["bad \N{REPLACEMENT CHARACTER}", "b"]
    assert found.notes == ["1 character that UTF-8 does not know became '\N{REPLACEMENT CHARACTER}'."]


def test_how_it_was_read_is_told(tmp_path: Path) -> None:
    assert table(tmp_path, "text,label\nfine,a\n").notes == []
    assert table(tmp_path, "text\tlabel\nfine,well\ta\n").notes == ["The cells are separated by tab."]
    assert table(tmp_path, "text\tlabel\nfine,well\ta\n", "a.tsv").notes == []
    assert table(tmp_path, "sep=;\ntext;label\na,b;c\n").rows == [["a,b", "c"]]


def test_commas_in_a_text_make_no_columns(tmp_path: Path) -> None:
    found = table(tmp_path, "text;label\nwell, well, well;a\nno, never;b\nyes;a\n")
    assert found.rows[0] == ["well, well, well", "a"]
    one = table(tmp_path, "I liked it\nI hated it, so much\nfine, fine, fine\n")
    assert (one.columns, len(one.rows)) == (["column_1"], 3)
    assert one.notes == ["It has one column.", "The first line is no header: the column is called column_1."]


@pytest.mark.parametrize(
    ("first", "second", "is_header"),
    [
        ("text,label", "text,label", True),
        ("satz,urteil", "Das war schön,gut", True),
        ("Das war schön,gut", "Das war schlecht,gut", False),
        ("1,gut", "2,schlecht", False),
        ("What time is it,question", "When is lunch,question", False),
        ("a,a", "b,c", False),
        ("A very long sentence that nobody would call a column,gut", "x,y", False),
        ("review", "I liked it", True),
        ("I liked it", "I hated it", False),
    ],
)
def test_whether_there_is_a_header(tmp_path: Path, first: str, second: str, is_header: bool) -> None:
    found = table(tmp_path, f"{first}\n{second}\n")
    assert found.n_rows == (1 if is_header else 2)
    assert found.columns == (
        first.split(",") if is_header else [f"column_{n + 1}" for n in range(len(first.split(",")))]
    )


def test_names_of_columns_are_mended(tmp_path: Path) -> None:
    found = table(tmp_path, "text,,text,\u0065\u0301 \x07x,label\na,b,c,d,e\n")
    assert found.columns == ["text", "column_2", "text_2", "é x", "label"]
    assert found.notes == ["A second column is called 'text' too; it is 'text_2' here."]


def test_row_names_as_r_writes_them(tmp_path: Path) -> None:
    found = table(tmp_path, '"text","label"\n"1","good film","pos"\n"2","bad film","neg"\n')
    assert found.columns == ["row_name", "text", "label"]
    assert found.rows[1] == ["2", "bad film", "neg"]


# --- rows -----------------------------------------------------------------------------------------


def test_blank_rows_are_counted_and_uneven_ones_named(tmp_path: Path) -> None:
    found = table(tmp_path, 'text,label\n"two\nlines",a\n\n , \nx,y,z\nx,y,,\nlone\nfine,b\n')
    assert found.rows == [["two\nlines", "a"], ["x", "y"], ["fine", "b"]]
    assert found.positions == [2, 7, 9]
    assert [(s.where, s.reason) for s in found.skipped] == [
        ("line 6", "has 3 cells, where the header has 2"),
        ("line 8", "has 1 cell, where the header has 2"),
    ]
    assert found.notes == ["2 blank rows were left out."]


def test_of_many_uneven_rows_a_thousand_are_named(tmp_path: Path) -> None:
    found = table(tmp_path, "text,label\n" + "fine,b\n" * 1500 + "x,y,z\n" * 1200)
    assert (len(found.rows), len(found.skipped)) == (1500, 1001)
    assert found.skipped[-1].reason == "has 200 more rows of another length"


def test_cells_stay_as_they_stand(tmp_path: Path) -> None:
    cells = [" 007", "1e5 ", "3,50", "TRUE", "=1+1", "NaN"]
    assert table(tmp_path, written([["a", "b", "c", "d", "e", "label"], cells])).rows == [cells]


def test_nul_characters_are_taken_out(tmp_path: Path) -> None:
    found = table(tmp_path, "text,label\nA film with a N\0UL in it that goes on for a while,pos\nA better one,neg\n")
    assert found.rows[0] == ["A film with a NUL in it that goes on for a while", "pos"]
    assert found.notes == ["1 NUL characters were taken out."]


def test_a_quotation_mark_without_a_partner_is_text(tmp_path: Path) -> None:
    for content in (
        'text,label\n"never closed,pos\nBad one,neg\n"closed",pos\n',
        'text,label\nBad one,neg\n"closed",pos\n"never closed,pos\n',
    ):
        found = table(tmp_path, content)
        assert sorted(row[0] for row in found.rows) == ['"never closed', "Bad one", "closed"]
        assert found.notes == ["A quotation mark has no partner: quotation marks are read as part of the text."]


def test_a_quotation_mark_in_the_wrong_place_costs_no_other_row(tmp_path: Path) -> None:
    found = table(tmp_path, 'text,label\n"Great" film,pos\n"Good, really",pos\n5" wide,neg\n')
    assert found.rows == [["Great film", "pos"], ["Good, really", "pos"], ['5" wide', "neg"]]
    assert found.notes == []


def test_a_long_table_is_drawn_from_evenly_and_always_alike(tmp_path: Path) -> None:
    content = "text,label\n" + "".join(f"text {n},{'a' if n < 10_000 else 'b'}\n" for n in range(20_000))
    found = table(tmp_path, content, most_rows=1_000)
    assert (len(found.rows), found.n_rows) == (1_000, 20_000)
    assert found.positions == sorted(found.positions)
    assert 420 < Counter(row[1] for row in found.rows)["a"] < 580  # 500 ± 5 standard deviations
    assert found.rows == table(tmp_path, content, most_rows=1_000).rows
    assert found.rows != table(tmp_path, content, most_rows=1_000, seed=1).rows
    assert found.notes == ["The table is long: 1,000 of its 20,000 rows were drawn at random and are used."]


def test_progress_runs_to_the_end(tmp_path: Path) -> None:
    content = "text,label\n" + "some text,a\n" * 25_000
    seen: list[tuple[int, int]] = []
    table(tmp_path, content, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(content), len(content))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert len(seen) == 3


# --- refused in a sentence ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "a.csv: the file is empty"),
        (b" \n\r\n\0\t", "a.csv: the file is empty"),
        (b"text,label\n", "a.csv: it has no rows"),
        (b"text,label\n,\n\n", "a.csv: all of its 2 rows are blank"),
        (b"text,label\na\nb\n", "a.csv: none of its 2 rows can be used (the first: line 2 has 1 cell"),
        (",".join(f"c{n}" for n in range(100_000)).encode(), "a.csv: it has more than 2,000 columns"),
        (b"a" * 5_000_000, "a.csv, line 1: more than 4,194,304 characters without the end of a row"),
        (b"text,label\na,b\n" + b"x" * 1_100_000 + b",b\n", "a.csv, line 3: a cell has more than 1,048,576 characters"),
        (bytes(range(256)) * 40, "a.csv: this is no text"),
        (b"\x89PNG\r\n\x1a\n", "a.csv: it is an image"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "a.csv: it is an old Excel file (.xls); save it as .xlsx or CSV"),
        (b"\x1f\x8b\x08\x00", "a.csv: it is packed with gzip; unpack it first"),
        (b"%PDF-1.7", "a.csv: it is a PDF"),
        (b"PK\3\4 whatever", "a.csv: it is damaged, or no .xlsx file"),
        (b"PAR1 whatever", "a.csv: it is damaged, or no Parquet file"),
    ],
)
def test_of_no_use(tmp_path: Path, content: bytes, found: str) -> None:
    assert complaint(tmp_path, content).startswith(found)


def test_a_folder_or_nothing_in_place_of_a_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(InputError, match="the table cannot be opened"):
            read_table(path)


def test_a_line_without_end_is_not_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sparse file of 3 GB: were it read, the test would take its memory and time."""
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        file.write(b"text,label\n" + b"x" * 5_000_000)
        file.truncate(3 << 30)
    monkeypatch.setattr(delimited, "encoding_of", lambda _: ("utf-8", None))  # it would count all of the NULs
    with pytest.raises(InputError, match="line 2: more than 4,194,304 characters"):
        read_table(path)


def test_too_many_characters_in_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.data.row_sampling.MOST_CHARACTERS", 1_000)
    assert "its first 11 rows hold more than 1,000 characters" in complaint(
        tmp_path, "text,label\n" + f"{'y' * 90},b\n" * 20
    )


def test_a_column_is_found_whatever_its_case_or_the_known_ones_are_listed(tmp_path: Path) -> None:
    found = table(tmp_path, "Text,label\na,b\n")
    assert found.column("text ") == ["a"]
    with pytest.raises(InputError, match=r"a.csv: it has no column 'klasse'; its columns are 'Text', 'label'\."):
        found.column("klasse")


# --- JSON -----------------------------------------------------------------------------------------


def test_jsonl(tmp_path: Path) -> None:
    lines = [
        '{"text": "a", "meta": {"n": 1, "deep": {"x": [1, 2]}}, "ok": true}',
        '{"text": null, "label": 1.50, "big": 12345678901234567890}',
        "{broken",
        "",
        "3",
        '{"text": "\\ud800 half", "label": NaN}',
    ]
    found = table(tmp_path, "\n".join(lines), "a.jsonl")
    assert found.columns == ["text", "meta.n", "meta.deep.x", "ok", "label", "big"]
    assert found.rows == [
        ["a", "1", "[1, 2]", "true", "", ""],
        ["", "", "", "", "1.5", "12345678901234567890"],
        ["\N{REPLACEMENT CHARACTER} half", "", "", "", "", ""],
    ]
    assert [(s.where, s.reason) for s in found.skipped] == [("line 3", "is no JSON"), ("line 5", "is no JSON object")]
    assert found.where(2) == "line 6"


def test_chats_stay_json(tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "Grüß Gott"}, {"role": "assistant", "content": "Hallo"}]
    found = table(tmp_path, json.dumps({"messages": messages}), "a.jsonl")
    assert json.loads(found.rows[0][0]) == messages


@pytest.mark.parametrize("wrap", ["{}", '{{"data": {}}}', '{{"version": 1, "data": {}}}'])
def test_one_json_array(tmp_path: Path, wrap: str) -> None:
    found = table(tmp_path, wrap.format(json.dumps([{"text": "a"}, {"text": "b"}], indent=1)), "a.json")
    assert (found.columns, found.rows, found.where(1)) == (["text"], [["a"], ["b"]], "row 2")


def test_json_of_no_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = '{"a":' * 100_000
    assert "none of its 1 rows can be used (the first: line 1 is no JSON)" in complaint(tmp_path, deep, "a.jsonl")
    assert "it is no whole JSON" in complaint(tmp_path, "[" * 100_000, "a.json")
    wide = json.dumps({f"k{n}": n for n in range(3_000)})
    assert "more than 2,000 columns" in complaint(tmp_path, wide, "a.jsonl")
    monkeypatch.setattr(json_lines, "MOST_LINE", 100)
    assert "a line of more than 100 characters" in complaint(tmp_path, '{"a": "' + "x" * 200 + '"}', "a.jsonl")


# --- Parquet and spreadsheets ---------------------------------------------------------------------


def test_parquet_with_nested_columns(tmp_path: Path) -> None:
    arrow = pa.table(
        {
            "text": ["a", None, "ü"],
            "label": pa.array([1, 2, None], pa.int8()),
            "score": [0.5, float("nan"), 1.0],
            "translation": [{"en": "x", "de": "y"}, None, {"en": "z", "de": None}],
            "messages": [[{"role": "user", "content": "hi"}], [], None],
            "day": pa.array([0, 1, None], pa.date32()),
        }
    )
    pq.write_table(arrow, tmp_path / "a.parquet")
    found = read_table(tmp_path / "a.parquet")
    assert found.columns == ["text", "label", "score", "translation.en", "translation.de", "messages", "day"]
    assert found.rows == [
        ["a", "1", "0.5", "x", "y", '[{"role": "user", "content": "hi"}]', "1970-01-01"],
        ["", "2", "", "", "", "[]", "1970-01-02"],
        ["ü", "", "1.0", "z", "", "", ""],
    ]
    assert found.where(2) == "row 3"


def test_parquet_cut_short(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"] * 1000}), tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    assert "damaged" in complaint(tmp_path, whole[:-10], "b.parquet")
    assert "damaged" in complaint(tmp_path, whole[:4] + b"\0" * 60 + whole[64:], "b.parquet")


def sheet(path: Path, rows: list[list[object]], title: str = "Sheet", **others: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    for name, further in others.items():
        extra = book.create_sheet(name)
        for row in further:
            extra.append(row)
    book.save(path)
    return path


def test_a_spreadsheet(tmp_path: Path) -> None:
    path = sheet(
        tmp_path / "a.xlsx", [["text", "label", None], ["ä, b", 1], [None, None], ["=1+1", 2.5], ["#N/A", True]]
    )
    found = read_table(path)
    assert found.columns == ["text", "label"]
    assert found.rows == [["ä, b", "1"], ["", "2.5"], ["", "true"]]  # no program computed the formula before saving
    assert [found.where(n) for n in range(3)] == ["row 2", "row 4", "row 5"]
    path.rename(tmp_path / "a.csv")
    assert read_table(tmp_path / "a.csv").rows == found.rows


def test_which_sheet(tmp_path: Path) -> None:
    path = sheet(tmp_path / "a.xlsx", [["About this file"]], "Notes", Data=[["text", "label"], ["x", "y"]])
    found = read_table(path)
    assert (found.rows, found.notes) == ([["x", "y"]], ["Read from the sheet 'Data'; its sheets are 'Notes', 'Data'."])
    assert read_table(path, sheet="Notes").columns == ["column_1"]
    with pytest.raises(InputError, match="it has no sheet 'More'; its sheets are 'Notes', 'Data'"):
        read_table(path, sheet="More")


def test_a_spreadsheet_that_unpacks_without_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columnar, "MOST_UNPACKED", 1 << 20)
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * (2 << 20))
    with pytest.raises(InputError, match="it unpacks to more than 1 MiB"):
        read_table(path)


def test_a_cell_at_the_far_corner_of_a_sheet(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active["A1"], book.active["B1"], book.active["A2"], book.active["B2"] = "text", "label", "x", "y"
    book.active["XFD5"] = "far"
    book.save(tmp_path / "a.xlsx")
    found = read_table(tmp_path / "a.xlsx")
    assert found.rows == [["x", "y"]]
    assert [(s.where, s.reason) for s in found.skipped] == [("row 5", "has 16,384 cells, where the header has 2")]


# --- round trips and whatever bytes ---------------------------------------------------------------

CELL = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], include_characters="\n\t"), max_size=12)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=st.lists(st.tuples(CELL, CELL, CELL).map(list), min_size=1, max_size=8),
    separator=st.sampled_from(list(delimited.SEPARATORS)),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_what_csv_writes_comes_back(
    rows: list[list[str]], separator: str, encoding: str, quoting: int, end: str
) -> None:
    assume(all(any(cell.strip() for cell in row) for row in rows))
    assume(not any("\N{REPLACEMENT CHARACTER}" in cell for row in rows for cell in row))
    text = written([["text", "label", "name"], *rows], delimiter=separator, quoting=quoting, lineterminator=end)
    with TemporaryDirectory() as folder:
        path = Path(folder, "a.csv")
        path.write_bytes(text.encode(encoding))
        found = read_table(path)
    assert (found.columns, found.rows) == (["text", "label", "name"], rows)


@settings(deadline=None, max_examples=40)
@given(
    rows=st.lists(st.tuples(CELL.filter(str.strip), st.integers(), st.floats(allow_nan=False)), min_size=1, max_size=6),
    kind=st.sampled_from(["csv", "tsv", "jsonl", "parquet"]),
)
def test_what_pandas_writes_comes_back(rows: list[tuple[str, int, float]], kind: str) -> None:
    assume(all(abs(number) < 2**62 for _, number, _ in rows))
    assume(not any("\N{REPLACEMENT CHARACTER}" in text for text, _, _ in rows))
    frame = pd.DataFrame(rows, columns=["text", "number", "label"])
    with TemporaryDirectory() as folder:
        path = Path(folder, f"a.{kind}")
        if kind == "parquet":
            frame.to_parquet(path)
        elif kind == "jsonl":
            frame.to_json(path, orient="records", lines=True, double_precision=15)
        else:
            frame.to_csv(path, index=False, sep="\t" if kind == "tsv" else ",")
        found = read_table(path)
    assert found.columns == ["text", "number", "label"]
    assert found.column("text") == [text for text, _, _ in rows]
    assert found.column("number") == [str(number) for _, number, _ in rows]
    if kind != "jsonl":
        assert [float(cell) for cell in found.column("label")] == [number for _, _, number in rows]


NAMES = ["a.csv", "a.tsv", "a.txt", "a.jsonl", "a.json", "a.parquet", "a.xlsx", "a"]
BITS = [
    b",",
    b";",
    b"\t",
    b"|",
    b'"',
    b"\n",
    b"\r",
    b"\r\n",
    b"\0",
    b"text",
    b"label",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b"1",
    b"\xff\xfe",
    b"\xfe\xff",
    b"\xef\xbb\xbf",
    b"PAR1",
    b"PK\3\4",
    b"\xe9",
    "é".encode(),
    b"sep=;",
    b"null",
    b'{"a": 1}',
]


@settings(deadline=None, max_examples=250, suppress_health_check=[HealthCheck.too_slow])
@given(name=st.sampled_from(NAMES), content=st.binary(max_size=300) | st.lists(st.sampled_from(BITS)).map(b"".join))
def test_whatever_the_bytes_a_table_or_a_sentence(name: str, content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(content)
        try:
            found = read_table(path)
        except InputError:
            return
    assert len(found.rows) == len(found.positions) == found.n_rows > 0
    assert all(len(row) == len(found.columns) for row in found.rows)
    assert len(set(found.columns)) == len(found.columns)
    for row in found.rows:
        for cell in row:
            assert cell.encode().count(b"\0") == 0


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_a_damaged_spreadsheet_or_parquet_is_a_table_or_a_sentence(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from(SOUND))
    at = data.draw(st.integers(0, len(whole) - 1))
    content = data.draw(st.sampled_from([whole[:at], whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]]))
    with TemporaryDirectory() as folder:
        path = Path(folder, "a.xlsx" if whole[:2] == b"PK" else "a.parquet")
        path.write_bytes(content)
        try:
            assert read_table(path).rows
        except InputError:
            pass


def _sound() -> list[bytes]:
    with TemporaryDirectory() as folder:
        path = sheet(Path(folder, "a.xlsx"), [["text", "label"], ["x", 1], ["y", 2]])
        pq.write_table(pa.table({"text": ["a", "b"], "label": [1, 2]}), Path(folder, "a.parquet"))
        return [path.read_bytes(), Path(folder, "a.parquet").read_bytes()]


SOUND = _sound()

# --- writing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-cmd|x", "@SUM(A1)", "\tx", "\rx", "=HYPERLINK(1)", "-"])
def test_formulas_are_made_safe(text: str) -> None:
    assert safe_cell(text) == "'" + text


@pytest.mark.parametrize("text", ["", "a", "a=1", "-1.5", "+3", "-2e-3", " =1", "'=1"])
def test_what_is_no_formula_stays(text: str) -> None:
    assert safe_cell(text) == text


def test_a_written_table_reads_back(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", ["text", "=label"], [["=1+1", 0.5], ["é, \n", None], ["-3", "b"]])
    assert (tmp_path / "a.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    found = read_table(tmp_path / "a.csv")
    assert found.columns == ["text", "'=label"]
    assert found.rows == [["'=1+1", "0.5"], ["é, \n", ""], ["-3", "b"]]


def test_extensions_are_those_that_are_read() -> None:
    assert {".csv", ".tsv", ".jsonl", ".parquet", ".xlsx"} <= tables.EXTENSIONS
