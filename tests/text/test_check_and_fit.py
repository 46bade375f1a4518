"""`check` refuses what `fit` refuses, with the same sentence: both open the data by the same code."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from engines import registry
from engines.contract import InputError, Recipe, Strategy
from engines.runs import RunFolder
from tests import tiny_text, tiny_writers


@dataclass(frozen=True)
class Bad:
    """Data that nothing can be learnt from."""

    task: str
    found: str
    """What is said of them."""
    files: Mapping[str, str]
    """One is the data themselves, several a folder."""
    test: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


def table(*rows: tuple[str, ...]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def labelled(*labels: str, heading: tuple[str, str] = ("text", "label"), start: int = 0) -> str:
    return table(heading, *((f"a text of some words, number {start + n}", label) for n, label in enumerate(labels)))


def pairs(n: int, *columns: str, start: int = 0) -> str:
    return table(columns, *(tuple(f"{name} has words, number {start + i}" for name in columns) for i in range(n)))


TWO = ("good", "bad") * 6
BAD = [
    Bad("text.sentiment", "it has one column", {"a.csv": table(("text",), ("one",), ("two of them",))}),
    Bad("text.sentiment", "are of one class", {"a.csv": labelled(*["good"] * 12)}),
    Bad("text.sentiment", "at least 8 texts are needed", {"a.csv": labelled("good", "bad", "good", "bad")}),
    Bad(
        "text.sentiment",
        "class 'ugly' is not in the training data",
        {"a.csv": labelled(*TWO)},
        labelled("ugly", "good", start=50),
    ),
    Bad(
        "text.sentiment",
        "they have no column 'label'",
        {"a.csv": labelled(*TWO)},
        labelled("7", "8", heading=("text", "id"), start=50),
    ),
    Bad("text.sentiment", "are of one class", {"a.csv": labelled(*TWO)}, labelled(*TWO[:11])),
    Bad(
        "text.sentiment",
        "there is no class 'ugly'",
        {"a.csv": labelled(*TWO)},
        None,
        {"corrections": '{"line 2": "ugly"}'},
    ),
    Bad(
        "text.sentiment",
        "at least 8 texts",
        {"a.csv": labelled(*TWO)},
        None,
        {"corrections": json.dumps({f"line {n}": None for n in range(2, 9)})},
    ),
    Bad(
        "text.sentiment",
        "no texts are left to test on",
        {"a.csv": table(("text", "label"), *((f"always {label}", label) for label in TWO))},
    ),
    Bad("text.sentiment", "nothing to train on", {"val.csv": labelled(*TWO), "test.csv": labelled(*TWO)}),
    Bad(
        "text.sentiment",
        "none to train on",
        {
            "a.csv": table(
                ("text", "label", "split"), *((f"text number {n}", TWO[n], ("val", "test")[n % 2]) for n in range(12))
            )
        },
    ),
    Bad("text.sentiment", "do not say what each is for", {"a.csv": labelled(*TWO), "b.csv": labelled(*TWO)}),
    Bad("text.sentiment", "it has no column 'body'", {"a.csv": labelled(*TWO)}, None, {"text_column": "body"}),
    Bad("text.sentiment", "'a.csv' has no sheets", {"a.csv": labelled(*TWO)}, None, {"sheet": "one"}),
    Bad(
        "text.sentiment",
        "as likely to hold the texts",
        {
            "a.csv": table(
                ("premise", "hypothesis", "label"),
                *(
                    (f"this is premise number {n}", f"here is hypothesis number {n}", label)
                    for n, label in enumerate(TWO)
                ),
            )
        },
    ),
    Bad("text.sentiment", "which look like measurements", {"a.csv": labelled(*(f"0.{n}7" for n in range(40)))}),
    Bad(
        "text.generation",
        "there is no column for the response",
        {"a.csv": table(("prompt", "n"), ("Hello there", "1"), ("Hm", "2"))},
    ),
    Bad("text.generation", "nothing is left to test on", {"a.csv": pairs(1, "prompt", "response")}),
    Bad(
        "text.generation",
        "nothing to train on",
        {"val.csv": pairs(4, "prompt", "response"), "test.csv": pairs(4, "prompt", "response")},
    ),
    Bad(
        "text.generation",
        "there are no conversations in it",
        {"a.jsonl": '{"messages": [{"role": "user", "content": "Hi"}]}\n' * 4},
    ),
    Bad("text.generation", "may be the prompt", {"a.csv": pairs(9, "one", "two", "three")}),
    Bad(
        "text.generation",
        "it holds 2 lists of objects",
        {"a.json": json.dumps({"one": [{"prompt": "a", "response": "b"}], "two": [{"prompt": "a", "response": "b"}]})},
    ),
    Bad(
        "text.translation",
        "there is no column for the target",
        {"a.csv": table(("en", "n"), ("Hello there", "1"), ("Hm", "2"))},
    ),
    Bad(
        "text.translation", "different numbers of lines", {"train.en": "a house\nthe sea\n", "train.fr": "une maison\n"}
    ),
    Bad("text.translation", "nothing is left to learn from", {"a.csv": pairs(3, "en", "fr")}, pairs(3, "en", "fr")),
    Bad(
        "text.translation",
        "none to train on",
        {"a.csv": table(("en", "fr", "split"), *((f"a word {n}", f"un mot {n}", "test") for n in range(4)))},
    ),
]
MODELS = {"text.sentiment": "tiny-bert", "text.generation": "tiny-gpt", "text.translation": "tiny-marian"}


@pytest.fixture(scope="module", autouse=True)
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("models")
    tiny_text.write_bert(folder)
    tiny_text.write_gpt(folder)
    tiny_writers.write_marian(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_MODELS", str(folder))
        yield


def brought(folder: Path, files: Mapping[str, str]) -> Path:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    return folder / next(iter(files)) if len(files) == 1 else folder


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: f"{bad.task}: {bad.found}")
def test_the_same_sentence(bad: Bad, tmp_path: Path) -> None:
    data = brought(tmp_path / "data", bad.files)
    test = brought(tmp_path / "test", {"test.csv": bad.test}) if bad.test else None
    task = registry.task(bad.task)
    with pytest.raises(InputError) as checked:
        task.check(data, settings=task.settings.parse(bad.settings), test=test)
    recipe = Recipe(
        bad.task,
        str(data),
        MODELS[bad.task],
        Strategy.FULL,
        test=str(test) if test else None,
        settings=dict(bad.settings),
    )
    with pytest.raises(InputError) as fitted:
        task.open(recipe, RunFolder.create(recipe, tmp_path / "run"))
    assert str(checked.value) == str(fitted.value)
    assert bad.found in str(checked.value)


@pytest.mark.parametrize(
    ("task", "content"),
    [
        ("text.sentiment", labelled(*TWO)),
        ("text.generation", pairs(12, "prompt", "response")),
        ("text.translation", pairs(12, "en", "fr")),
    ],
)
def test_what_is_checked_is_what_is_learnt_from(task: str, content: str, tmp_path: Path) -> None:
    """The same examples in the same parts, under the same digest; test data included."""
    data = brought(tmp_path / "data", {"a.csv": content})
    own = {"text.sentiment": labelled("good", "bad", start=50)}
    test = brought(
        tmp_path / "test", {"a.csv": own.get(task) or pairs(3, *content.split("\n")[0].split(","), start=50)}
    )
    chosen = registry.task(task)
    for tested in (None, test):
        report = chosen.check(data, seed=3, test=tested)
        recipe = Recipe(task, str(data), MODELS[task], Strategy.FULL, test=str(tested) if tested else None, seed=3)
        study = chosen.open(recipe, RunFolder.create(recipe, tmp_path / f"run{tested is None}"))
        parts = study.prepared.parts  # type: ignore[attr-defined]
        assert report.sha256 == study.sha256
        assert report.splits == {name: len(parts[name]) for name in ("train", "validation", "test")}
