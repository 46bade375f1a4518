"""Texts are found in whatever table they come, their columns guessed, and what is wrong with them is said."""

from __future__ import annotations

import json
import random
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.contract import InputError
from engines.data.parts import part_of_path
from engines.data.row_sampling import Table
from engines.data.table_files import tables_in
from engines.data.tables import read_table
from engines.text import samples
from engines.text.columns import Asked, Guess, guess_labelled, guess_text
from engines.text.duplicates import content_of, group_of, plain
from engines.text.label_cells import Words
from engines.text.pair_columns import guess_conversations, guess_pairs
from engines.text.sentiment.dataset import Texts, open_texts, with_test
from engines.text.settings import TextSettings
from engines.text.unlabelled import Unlabelled, open_unlabelled

GOOD = ["A wonderful film", "I loved every minute", "Great acting, great story", "What a joy to watch"]
BAD = ["A dreadful film", "I hated every minute", "Wooden acting, no story", "What a waste of time"]
ROWS = [(text, "good") for text in GOOD] + [(text, "bad") for text in BAD]


def csv_of(rows: list[tuple[str, ...]], header: str = "text,label") -> str:
    return "\n".join([header, *(",".join(f'"{cell}"' for cell in row) for row in rows)]) + "\n"


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., Texts]:
    """Writes a table and opens it."""

    def write_and_open(content: str, name: str = "reviews.csv", **options: object) -> Texts:
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        to_train = bool(options.pop("to_train", True))
        return open_texts(path, TextSettings(**options), to_train=to_train)  # type: ignore[arg-type]

    return write_and_open


def complaint(opened: Callable[..., Texts], content: str, **options: object) -> str:
    with pytest.raises(InputError) as caught:
        opened(content, **options)
    return str(caught.value)


def a_table(columns: dict[str, list[str]]) -> Table:
    rows = [list(cells) for cells in zip(*columns.values(), strict=True)]
    return Table("a.csv", list(columns), rows, list(range(2, len(rows) + 2)), "line", len(rows))


# --- which column is which ------------------------------------------------------------------------

TEXTS = [f"This is sentence number {n} about something else" for n in range(40)]
CLASSES = ["pos", "neg"] * 20


@pytest.mark.parametrize(
    ("columns", "text", "label"),
    [
        ({"text": TEXTS, "label": CLASSES}, "text", "label"),
        ({"label": CLASSES, "text": TEXTS}, "text", "label"),
        ({"column_1": CLASSES, "column_2": TEXTS}, "column_2", "column_1"),
        ({"id": [str(n) for n in range(40)], "sentence": TEXTS, "stars": ["1", "5"] * 20}, "sentence", "stars"),
        ({"user": [f"u{n}" for n in range(40)], "tweet": TEXTS, "target": ["0", "4"] * 20}, "tweet", "target"),
        ({"text": TEXTS, "label": ["0", "1"] * 20, "label_text": CLASSES}, "text", "label"),
        (
            {"title": ["Short title"] * 40, "review": TEXTS, "rating": [str(n % 5) for n in range(40)]},
            "review",
            "rating",
        ),
        ({"Отзыв": TEXTS, "Оценка": CLASSES}, "Отзыв", "Оценка"),
        ({"文": [f"这部电影非常好看我很喜欢{n}" for n in range(40)], "类": ["好", "坏"] * 20}, "文", "类"),
    ],
)
def test_text_and_label(columns: dict[str, list[str]], text: str, label: str) -> None:
    found = guess_labelled(a_table(columns))
    assert found.roles == {"text": text, "label": label}
    assert f"'{label}' holds the classes" in found.reason
    taken = set(found.roles.values())
    assert set(found.alternatives["text"]) == set(found.alternatives["label"]) == set(columns) - taken


def test_a_persons_word_counts_first() -> None:
    table = a_table({"text": TEXTS, "summary": TEXTS[::-1], "label": CLASSES, "source": ["a", "b"] * 20})
    found = guess_labelled(table, Asked("summary", "SOURCE"))
    assert found.roles == {"text": "summary", "label": "source"}
    assert found.reason == "'summary' holds the texts, as you say; 'source' holds the classes, as you say."
    with pytest.raises(InputError, match="no column 'klass'; its columns are 'text', 'summary', 'label', 'source'"):
        guess_labelled(table, Asked(label="klass"))
    with pytest.raises(InputError, match="'text' cannot be both text and label"):
        guess_labelled(table, Asked("text", "text"))


def test_a_label_column_with_5000_values_is_asked_about() -> None:
    texts = [f"Sentence {n}" for n in range(5_000)]
    table = a_table({"label": texts, "text": ["a", "b"] * 2_500})
    with pytest.raises(InputError, match="'label' has 5,000 different values in 5,000 rows; is this the text column"):
        guess_labelled(table, Asked(label="label"))
    with pytest.raises(InputError, match="is this the text column"):
        guess_labelled(a_table({"text": TEXTS, "label": [f"class{n}" for n in range(40)]}))
    guess_labelled(a_table({"text": TEXTS, "label": [f"class{n}" for n in range(40)]}), to_train=False)


def test_one_column_and_no_text() -> None:
    with pytest.raises(InputError, match="it has one column, 'text'"):
        guess_labelled(a_table({"text": TEXTS}))
    with pytest.raises(InputError, match="none of its columns holds texts"):
        guess_labelled(a_table({"a": ["1", "2"] * 4, "b": ["3", "4"] * 4}))


def test_a_split_column_is_no_label() -> None:
    found = guess_labelled(a_table({"text": TEXTS, "split": ["train", "Test"] * 20, "kind": ["x", "y"] * 20}))
    assert found.roles == {"text": "text", "label": "kind", "split": "split"}
    other = guess_labelled(a_table({"text": TEXTS, "set": ["one", "two"] * 20}))
    assert other.roles == {"text": "text", "label": "set"}


@pytest.mark.parametrize(
    ("columns", "roles"),
    [
        (["prompt", "response"], {"prompt": "prompt", "response": "response"}),
        (["id", "answer", "question"], {"prompt": "question", "response": "answer"}),
        (["instruction", "input", "output"], {"prompt": "instruction", "context": "input", "response": "output"}),
        (
            ["system_prompt", "question", "response"],
            {"prompt": "question", "response": "response", "system": "system_prompt"},
        ),
        (["Frage", "id", "Antwort"], {"prompt": "Frage", "response": "Antwort"}),
        (["column_1", "column_2"], {"prompt": "column_1", "response": "column_2"}),
    ],
)
def test_conversations(columns: list[str], roles: dict[str, str]) -> None:
    table = a_table({name: [str(n) for n in range(40)] if name == "id" else TEXTS for name in columns})
    assert guess_conversations(table).roles == roles


@pytest.mark.parametrize(
    "cell",
    [
        json.dumps([{"role": "user", "content": "hi"}]),
        json.dumps([{"from": "human", "value": "hi"}]),
        json.dumps({"messages": [{"role": "user", "content": "hi"}]}),
    ],
)
def test_whole_chats(cell: str) -> None:
    table = a_table({"prompt": TEXTS, "anything": [cell] * 40})
    assert guess_conversations(table).roles == {"messages": "anything"}
    named = guess_conversations(table, prompt_column="prompt", response_column="anything")
    assert named.roles == {"prompt": "prompt", "response": "anything"}


@pytest.mark.parametrize(
    ("columns", "given", "roles"),
    [
        (["source", "target"], {}, {"source": "source", "target": "target"}),
        (["translation.en", "translation.de"], {}, {"source": "translation.en", "target": "translation.de"}),
        (["french", "english"], {}, {"source": "english", "target": "french"}),
        (["french", "english"], {"source_column": "french"}, {"source": "french", "target": "english"}),
        (["a", "b", "c"], {"target_column": "a", "accept_guesses": True}, {"source": "b", "target": "a"}),
    ],
)
def test_pairs(columns: list[str], given: dict[str, Any], roles: dict[str, str]) -> None:
    assert guess_pairs(a_table(dict.fromkeys(columns, TEXTS)), **given).roles == roles


def test_pairs_that_are_none() -> None:
    with pytest.raises(InputError, match="there is no column for the target"):
        guess_pairs(a_table({"en": TEXTS, "n": [str(n) for n in range(40)]}))


def test_a_guess_is_plain_data() -> None:
    found = guess_labelled(a_table({"text": TEXTS, "label": CLASSES}))
    assert Guess(**json.loads(json.dumps(found.details()))) == found


# --- texts and classes ----------------------------------------------------------------------------


def test_examples(opened: Callable[..., Texts]) -> None:
    found = opened(csv_of(ROWS))
    assert [(e.text, e.label) for e in found.examples] == ROWS
    assert [e.name for e in found.examples[:2]] == ["line 2", "line 3"]
    assert found.classes == ["bad", "good"]
    assert (found.skipped, found.columns) == ([], ["text", "label"])
    assert found.examples[0].content == content_of("A wonderful film")
    assert (found.notes, found.words) == ([], Words())
    assert found.guess.reason == (
        "'text' holds the texts (4 words on average); 'label' holds the classes (2 different values)."
    )
    assert found.details()["roles"] == {"text": "text", "label": "label"}


def test_the_hash_minds_texts_and_labels_and_not_their_order(opened: Callable[..., Texts]) -> None:
    first = opened(csv_of(ROWS)).sha256
    shuffled = random.Random(0).sample(ROWS, len(ROWS))
    assert opened(csv_of(shuffled)).sha256 == first
    assert opened(csv_of([*ROWS[:-1], ("What a waste of time!", "bad")])).sha256 != first
    assert opened(csv_of([*ROWS[:-1], (ROWS[-1][0], "good")])).sha256 != first


def test_numbers_are_classes_in_the_order_of_their_size(opened: Callable[..., Texts]) -> None:
    rows = [(f"Some text number {n}", str([10, 9, -1][n % 3])) for n in range(12)]
    assert opened(csv_of(rows, "text,stars")).classes == ["-1", "9", "10"]


def test_rows_without_text_or_class_are_skipped_and_named(opened: Callable[..., Texts]) -> None:
    found = opened(csv_of([*ROWS, ("", "good"), ("NaN", "bad"), ("Fine", ""), ("Fine", "nan"), ("none", "good")]))
    assert len(found.examples) == 9
    assert [(s.where, s.reason) for s in found.skipped] == [
        ("line 10", "has nothing in the column 'text'"),
        ("line 11", "has nothing in the column 'text'"),
        ("line 12", "has nothing in the column 'label'"),
        ("line 13", "has nothing in the column 'label'"),
    ]


def test_copies_share_a_group_and_not_their_content(opened: Callable[..., Texts]) -> None:
    found = opened(csv_of([*ROWS, ("a  WONDERFUL film!", "good"), ("I hated every minute.", "good")]))
    first, copy = found.examples[0], found.examples[8]
    assert first.sha256 == copy.sha256
    assert first.content != copy.content
    repeats = "Repeats of another text (capital letters, spaces and punctuation do not count): 2 of the texts."
    assert repeats in " ".join(found.notes)
    assert any(
        n.startswith("The same text in different classes: line 7 ('bad') = line 11 ('good').") for n in found.notes
    )


def test_a_split_column_and_a_leak(opened: Callable[..., Texts]) -> None:
    rows = [(*row, "train") for row in [*ROWS, ("One more", "good")]]
    rows += [("New and good", "good", "test"), ("A dreadful film?", "bad", "test")]
    found = opened(csv_of(rows, "text,label,split"))
    assert Counter(e.split for e in found.examples) == {"train": 8, "test": 2}
    assert [(s.where, s.reason) for s in found.skipped] == [
        ("line 6", "is the same text as line 12, which is for test")
    ]


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([(text, "good") for text in GOOD + BAD], "all 8 usable texts are of one class, 'good'"),
        (ROWS[:3] + ROWS[4:7], "6 usable texts in 2 classes (3 of 'good', 3 of 'bad'); at least 8 texts are needed"),
        ([*((t, "good") for t in GOOD * 2), ("x", "bad")], "two classes with two texts or more"),
        ([("", "good"), ("", "bad")], "no"),
    ],
)
def test_too_little_to_learn_from(opened: Callable[..., Texts], rows: list[tuple[str, str]], found: str) -> None:
    assert found in complaint(opened, csv_of(rows))


def test_a_class_on_one_row_trains_and_uneven_classes_are_noted(opened: Callable[..., Texts]) -> None:
    notes = " ".join(opened(csv_of([*ROWS, ("Neither nor", "mixed")])).notes)
    assert "'mixed': one text only. It trains; how well it is recognised cannot be tested." in notes
    rows = [(f"Good film number {n}", "good") for n in range(20)] + ROWS[4:]
    assert "The classes are uneven: 20 of 'good', 4 of 'bad'." in " ".join(opened(csv_of(rows)).notes)


def test_one_text_will_do_to_test_on(opened: Callable[..., Texts]) -> None:
    found = opened(csv_of(ROWS[:1]), to_train=False, text_column="text", label_column="label")
    assert len(found.examples) == 1


# --- files, folders, zips -------------------------------------------------------------------------


def test_a_pair_of_tables_in_a_folder_and_in_a_zip(tmp_path: Path) -> None:
    files = {
        "data/train.csv": csv_of([*ROWS, ("One more", "good")]),
        "data/test.csv": csv_of([("Quite good", "good"), ("i hated EVERY minute", "bad")]),
        "data/README.txt": "About these data",
        "data/picture.png": "x",
        "__MACOSX/._train.csv": "x",
    }
    for name, content in files.items():
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as out:
        for name, content in files.items():
            out.writestr(name, content)
    found = open_texts(archive, TextSettings())
    assert Counter((e.split, e.label) for e in found.examples) == {
        ("train", "good"): 5,
        ("train", "bad"): 3,
        ("test", "good"): 1,
        ("test", "bad"): 1,
    }
    assert found.examples[-1].name == "data/test.csv, line 3"
    assert [s.where for s in found.skipped] == ["data/README.txt", "data/picture.png", "data/train.csv, line 7"]
    assert open_texts(tmp_path / "folder", TextSettings()).sha256 == found.sha256


def test_several_tables_that_do_not_say_what_for(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(csv_of(ROWS))
    with pytest.raises(InputError, match=r"setting table: .* holds 2 tables \('a.csv', 'b.csv'\)") as caught:
        open_texts(tmp_path, TextSettings())
    assert caught.value.problems[0].choices == ("a.csv", "b.csv")
    assert len(open_texts(tmp_path, TextSettings(table="b.csv")).examples) == 8


def test_nothing_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_text("x")
    with pytest.raises(InputError, match=r"there is no table in it \(1 skipped; the first: x.png is no table\)"):
        tables_in(tmp_path, tmp_path / "work")
    with pytest.raises(InputError, match="there is no such file or folder"):
        tables_in(tmp_path / "none", tmp_path)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("train.csv", "train"),
        ("reviews_test.tsv", "test"),
        ("data/train-00000-of-00001.parquet", "train"),
        ("dev/0.csv", "validation"),
        ("Validation.jsonl", "validation"),
        ("training_set.csv", "train"),
        ("contest.csv", None),
        ("train_test.csv", None),
        ("reviews.csv", None),
    ],
)
def test_what_a_file_is_for(name: str, part: str | None) -> None:
    assert part_of_path(name) == part


def test_separate_test_data(opened: Callable[..., Texts]) -> None:
    found = opened(csv_of(ROWS))
    test = opened(csv_of([("A wonderful film", "good"), ("So so", "bad")]), "new.csv", to_train=False)
    both = with_test(found, test, "new.csv")
    assert Counter(e.split for e in both.examples) == {None: 7, "test": 2}
    assert both.notes[-1] == "1 texts are in the test data too: left out of training."
    assert both.sha256 not in {found.sha256, test.sha256}
    other = opened(csv_of([("What", "ugly"), ("Is", "good")]), "odd.csv", to_train=False)
    with pytest.raises(InputError, match=r"test data odd\.csv: class 'ugly' is not in the training data"):
        with_test(found, other, "odd.csv")


def test_texts_without_classes(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("First line, with a comma\n\n  Second\n")
    assert open_unlabelled(tmp_path / "a.txt", tmp_path) == Unlabelled(
        [("line 1", "First line, with a comma"), ("line 3", "Second")]
    )
    (tmp_path / "a.csv").write_text("id,text\n1,A film to see\n2,\n3,A film to miss\n")
    given = open_unlabelled(tmp_path / "a.csv", tmp_path)
    assert given.texts == [("line 2", "A film to see"), ("line 4", "A film to miss")]
    assert [(s.where, s.reason) for s in given.skipped] == [("line 3", "has no text")]
    assert given.reading == {"column": "text"}
    with pytest.raises(InputError, match="it holds 3 texts; accepted: 2 at most at once"):
        open_unlabelled(tmp_path / "a.csv", tmp_path, most=2)
    (tmp_path / "b.txt").write_text(" \n")
    with pytest.raises(InputError, match="no text in it"):
        open_unlabelled(tmp_path / "b.txt", tmp_path)


def test_the_text_column_alone() -> None:
    assert guess_text(a_table({"n": [str(n) for n in range(40)], "t": TEXTS})) == "t"
    assert guess_text(a_table({"n": ["1"]})) == "n"
    with pytest.raises(InputError, match="it has no column 'x'"):
        guess_text(a_table({"t": TEXTS}), "x")


@settings(deadline=None, max_examples=80)
@given(
    rows=st.lists(st.lists(st.sampled_from(["", "a", "nan", "A b c d", "ä!", "1", "2.5", "train"]), min_size=1)),
    header=st.sampled_from(["text,label", "text,label,split", "a,b", "text", "x,x,x"]),
    to_train=st.booleans(),
)
def test_whatever_the_rows_texts_or_a_sentence(rows: list[list[str]], header: str, to_train: bool) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "a.csv")
        path.write_text("\n".join([header, *map(",".join, rows)]), encoding="utf-8")
        try:
            found = open_texts(path, TextSettings(accept_guesses=True), to_train=to_train)
        except InputError:
            return
    assert found.examples
    assert all(example.text.strip() and example.label for example in found.examples)


# --- when two texts are one -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("It’s GREAT!!", "its great", True),
        ("Straße", "STRASSE", True),
        ("ﬁlm  noir", "film\tNoir.", True),
        ("good 👍", "good 👎", False),
        (":)", ":(", False),
        ("a + b", "a - b", False),
        ("café", "cafe", False),
    ],
)
def test_near_copies(one: str, other: str, same: bool) -> None:
    assert (group_of(one) == group_of(other)) == same


@given(st.text(min_size=1).filter(str.strip))
def test_something_is_left_of_every_text(text: str) -> None:
    assert plain(text)
    assert plain(text + " ") == plain(text)


# --- samples --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["films", "products", "tweets"])
def test_reviews(name: str, tmp_path: Path) -> None:
    found = open_texts(samples.make(name, tmp_path / "out"), TextSettings())
    assert Counter(e.split for e in found.examples) == {"train": 500, "test": 300}
    assert found.classes == ["negative", "positive"]
    assert found.skipped == []
    assert len({e.sha256 for e in found.examples}) == 800
    ratings = read_table(samples.SHIPPED / f"{name}.tsv").column("mean_rating")
    assert all(abs(float(rating)) >= 1 for rating in ratings)
    assert [float(r) > 0 for r in ratings] == [e.label == "positive" for e in found.examples]


def test_conversations_and_pairs_of_our_own(tmp_path: Path) -> None:
    chats = read_table(samples.make("conversations", tmp_path))
    assert guess_conversations(chats).roles == {"prompt": "prompt", "response": "response"}
    assert len({plain(cell) for cell in chats.column("prompt")}) == chats.n_rows == 84
    pairs = read_table(samples.make("pairs", tmp_path))
    assert guess_pairs(pairs).roles == {"source": "english", "target": "french"}
    assert len({plain(cell) for cell in pairs.column("english")}) == pairs.n_rows == 124
    assert all(cell.strip() for row in chats.rows + pairs.rows for cell in row)


def test_every_sample_has_an_origin_a_licence_and_a_file(tmp_path: Path) -> None:
    listed = [sample for task in samples.OF_TASK for sample in samples.samples_of(task)]
    assert {sample.name for sample in listed} == set(samples.FILES)
    for sample in listed:
        assert sample.origin
        assert sample.licence
        assert samples.make(sample.name, tmp_path) == samples.make(sample.name, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(samples.FILES.values())
    assert "MIT License" in (samples.SHIPPED / "LICENSE-vaderSentiment.txt").read_text()
    with pytest.raises(InputError, match="sample cars: there is no such sample; known: films"):
        samples.make("cars", tmp_path)
