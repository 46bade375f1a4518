"""A recogniser and clips of a new domain: what is believed of what it hears, what it learns from, and what is told."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines import api
from engines.contract import InputError
from engines.speech import samples
from engines.speech.models.states import Transcript
from engines.speech.transcription.new_domain import pseudo_labels
from engines.speech.transcription.new_domain.pseudo_labels import believed, repeated
from tests.test_cli import call
from tests.tiny_speech import write_clips, write_whisper

pytestmark = pytest.mark.usefixtures("one_thread")
TASK = "speech.transcription"
QUICK = {"epochs": 1, "batch_size": 8, "learning_rate": 1e-2, "forgetting": False, "rehearse": False, "curve": 0}
N = 32


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clips(tmp_path_factory.mktemp("clips") / "data", 12)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of other voices, half of them with what is said in them."""
    folder = tmp_path_factory.mktemp("target") / "voices"
    folder.mkdir()
    with (samples.SHIPPED / "voices" / "metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:N]
    for row in rows:
        shutil.copyfile(samples.SHIPPED / "voices" / row["file_name"], folder / row["file_name"].replace("/", "-"))
    return folder


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_whisper(tmp_path / "models" / "tiny-whisper")
    monkeypatch.setenv("HEADSTART_MODELS", str(tmp_path / "models"))


def written_down(target: Path, folder: Path, texts: list[str]) -> Path:
    """The same clips with a table that says what is said in the first of them."""
    folder.mkdir()
    names = sorted(path.name for path in target.iterdir())
    for name in names:
        (folder / name).write_bytes((target / name).read_bytes())
    with (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("file_name", "transcription"), *zip(names, texts, strict=False)])
    return folder


@pytest.mark.debian
@pytest.mark.skipif(not samples.available("caribbean"), reason="wants espeak-ng")
def test_the_sample_of_another_accent_says_what_was_not_learnt(tmp_path: Path) -> None:
    place = api.make_sample(TASK, "caribbean", tmp_path)
    with (place / "metadata.csv").open(encoding="utf-8", newline="") as file:
        said = {row["transcription"] for row in csv.DictReader(file)}
    assert len(said) == 60
    with (samples.SHIPPED / "scottish" / "metadata.csv").open(encoding="utf-8", newline="") as file:
        learnt = {row["transcription"] for row in csv.DictReader(file) if row["split"] == "train"}
    assert learnt
    assert not said & learnt
    (sample,) = [own for own in samples.TRANSCRIPTION if own.name == "caribbean"]
    assert (sample.real, sample.shift_of) == (False, ("scottish",))


# --- what is believed -----------------------------------------------------------------------------


def test_the_surer_half_is_believed() -> None:
    heard = [Transcript("one", -0.1), Transcript("two", -0.4), Transcript("three", -0.2), Transcript("four", -0.3)]
    assert believed(heard) == [0, 2]


def test_what_goes_round_in_circles_or_is_empty_or_unsure_is_not() -> None:
    round_ = "and so on " * 30
    assert repeated(round_) > pseudo_labels.MOST_REPEATED > repeated("The conference will begin when the leader comes.")
    assert believed([Transcript(round_, -0.01), Transcript(" …", -0.01), Transcript("mist", -1.01)]) == []
    assert believed([Transcript(round_, -0.01), Transcript("fine", -0.9), Transcript("good", -0.8)]) == [2]


@settings(max_examples=30)
@given(st.lists(st.tuples(st.text(max_size=20), st.floats(-5, 0))))
def test_no_more_than_half_is_believed(heard: list[tuple[str, float]]) -> None:
    found = believed([Transcript(*own) for own in heard])
    assert len(found) <= (len(heard) + 1) // 2
    assert found == sorted(set(found))


# --- on the command line --------------------------------------------------------------------------


def test_by_rule_nothing_is_done_and_it_is_said(data: Path, target: Path) -> None:
    answer = call("check", TASK, "--data", data, "--target", target, "--json")
    assert answer.status == 0, answer.err
    found = answer.json["target"]
    assert (found["n"], found["labelled"], found["method"]) == (N, 0, "none")
    asked = call("check", TASK, "--data", data, "--target", target, "--set", "adapt=pseudo-labels", "--json")
    assert asked.json["target"]["method"] == "pseudo-labels"


def test_what_is_refused(data: Path, target: Path, tmp_path: Path) -> None:
    few = tmp_path / "few"
    few.mkdir()
    for path in sorted(target.iterdir())[:5]:
        (few / path.name).write_bytes(path.read_bytes())
    answer = call("check", TASK, "--data", data, "--target", few, "--set", "adapt=pseudo-labels")
    assert answer.status == 2
    assert "5 clips, too few for Pseudo-labels; accepted: 30 clips or more, or adapt=none" in answer.err
    (tmp_path / "a.csv").write_text("text\nno sound\n", encoding="utf-8")
    assert call("check", TASK, "--data", data, "--target", tmp_path / "a.csv").status == 2
    answer = call("check", TASK, "--data", data, "--target", target, "--set", "adapt=t3a")
    assert answer.status == 2
    assert "accepted: rule, none or pseudo-labels" in answer.err.replace(", pseudo-labels", " or pseudo-labels")
    recipe = api.recipe(TASK, data, model="tiny-whisper", settings={**QUICK, "adapt": "pseudo-labels"})
    with pytest.raises(InputError, match="there is no target to adapt to"):
        api.fit(recipe, tmp_path / "run")


# --- a run ----------------------------------------------------------------------------------------


def test_a_run_learns_from_what_it_is_sure_of(
    data: Path, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tiny network of random weights writes noise: what is told of it is right all the same."""
    monkeypatch.setattr(pseudo_labels, "LEAST_SURE", -100.0)
    monkeypatch.setattr(pseudo_labels, "plain_words", lambda text: text or "noise")
    monkeypatch.setattr(pseudo_labels, "repeated", lambda _: 1.0)
    written = written_down(target, tmp_path / "written", [f"the words of clip {i}" for i in range(10)])
    chosen = {**QUICK, "adapt": "pseudo-labels"}
    recipe = api.recipe(TASK, data, target=written, model="tiny-whisper", strategy="partial", settings=chosen)
    result = api.fit(recipe, tmp_path / "run")
    found = result.details["adaptation"]
    assert (found["method"], found["experimental"]) == ("pseudo-labels", True)
    assert (found["n"], found["labelled"], found["kept"]) == (N, 10, N // 2)
    assert (found["truth"]["before"]["n"], found["truth"]["after"]["n"]) == (10, 10)
    assert any(note.startswith("10 of its clips are written down: that is set aside") for note in result.notes)
    assert "Then adapted to 32 clips of a new domain" in (tmp_path / "run" / "README.md").read_text(encoding="utf-8")
    table = pq.read_table(tmp_path / "run" / "target.parquet")
    assert sum(table["learnt_from"].to_pylist()) == N // 2
    assert [text for text in table["label"].to_pylist() if text] == [f"the words of clip {i}" for i in range(10)]
    kept = {row["file"]: row["label"] for row in api.predict(tmp_path / "run", target)}
    adapted = dict(zip(table["file"].to_pylist(), table["after"].to_pylist(), strict=True))
    assert kept == adapted, "the model that is kept is the adapted one"
    with pytest.raises(InputError, match="it was adapted to a new domain, which the script does not"):
        api.export(tmp_path / "run", tmp_path / "script.zip", "script")


def test_none_leaves_the_model_as_it_learnt(data: Path, target: Path, tmp_path: Path) -> None:
    results = [
        api.fit(
            api.recipe(TASK, data, target=place, model="tiny-whisper", strategy="partial", settings=QUICK),
            tmp_path / str(number),
        )
        for number, place in enumerate((None, target))
    ]
    assert results[0].value == results[1].value
    found = results[1].details["adaptation"]
    assert (found["method"], found["changed"], found["truth"]) == ("none", 0, None)
    kept = [(tmp_path / name / "model" / "model.safetensors").read_bytes() for name in "01"]
    assert kept[0] == kept[1]
