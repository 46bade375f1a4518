"""Home, the story and the words: what is shown was recorded, and what can be pressed leads where it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engines import paths, registry, runs
from engines.jobs.serving import client
from engines.reporting import comparisons
from tests.pages import finished_run
from tests.pages.opening import checked, opened, shown, text
from ui.home import exhibits, story, story_plots
from ui.page import address, glossary, recorded, samples, words

HERE = [one for one in exhibits.EXHIBITS if one in exhibits.here()]
TRANSFERABILITY = paths.PROJECT / "docs" / "evidence" / "transferability.md"


# --- what can be pressed ----------------------------------------------------------------------------


@pytest.mark.parametrize("exhibit", HERE, ids=lambda exhibit: str(exhibit.name))
def test_an_answer_is_what_the_run_recorded(exhibit: exhibits.Exhibit) -> None:
    found, items = exhibits.found(exhibit), exhibits.items(exhibit)
    assert len(items) == exhibits.SHOWN[exhibit.kind]
    rows = recorded.rows(found.run.path / "predictions.parquet", found.finished)
    said = {words.plain(str(row["predicted"])) for row in rows}
    for item in items:
        assert item.choice.picture or item.choice.drawing or item.choice.text
        own = next(answer for answer in item.answers if answer.colour == "orange")
        if exhibit.kind == "series":
            assert "thousand passengers" in own.said
        else:
            assert own.said.partition(" (")[0] in said
        if own.right is not None:
            assert own.right == (own.said == item.truth)


def with_a_rival() -> list[exhibits.Exhibit]:
    """Those whose network from scratch left its answers."""
    return [one for one in HERE if (paths.showcase() / one.run / runs.RIVAL).is_file()]


def test_most_pictures_and_voices_have_two_networks_to_ask() -> None:
    assert {"voices", "handwriting"} <= {one.name for one in with_a_rival()}


@pytest.mark.parametrize("exhibit", with_a_rival(), ids=lambda exhibit: str(exhibit.name))
def test_both_networks_answer_and_as_well_as_their_bars_say(exhibit: exhibits.Exhibit) -> None:
    """The network from scratch whose answers are shown may have been trained once more: within the run's interval."""
    found, items = exhibits.found(exhibit), exhibits.items(exhibit)
    assert all([answer.colour for answer in item.answers] == ["orange", "gray"] for item in items)
    again = exhibits.second_training(found)
    known = found.result.baseline_details["scratch"]
    assert again is None or known["low"] <= again <= known["high"]


def test_examples_are_spread_over_the_test() -> None:
    rows = [{"n": n} for n in range(63)]
    assert [row["n"] for row in exhibits.spread(rows, 8)] == [3, 10, 17, 24, 31, 38, 45, 52]
    assert len(exhibits.spread(rows[:3], 8)) == 3


def test_a_pressed_voice_is_answered_by_both_networks_and_the_difference_is_the_runs() -> None:
    at = opened()
    at.session_state["exhibit"] = "voices"
    at.session_state["pressed_voices"] = 1
    at.run()
    assert not at.exception
    page, found = text(at), recorded.finished(runs.RunFolder.find("recorded_voices_seed_0"))
    assert found is not None
    assert "**With transfer**" in page
    assert "**From scratch**" in page
    (verdict, *_) = comparisons.told(found.result)
    sentence, line = words.verdict(verdict, registry.task("speech.speaker").info.metric)
    assert f"**{sentence}** ({line})" in page
    assert f"tested on {found.result.n_test} clips, seed {found.result.seed}" in page
    assert "Train it on this sample" in page


def test_a_run_without_its_rivals_answers_says_so() -> None:
    at = opened()
    at.session_state["exhibit"] = "sentences"
    at.session_state["pressed_sentences"] = 1
    at.run()
    assert "**With transfer**" in text(at)
    assert "What the network from scratch says of single examples was not recorded" in text(at)


def test_a_host_that_only_shows_runs_offers_no_training_on_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_SHOWCASE", "1")
    assert "Train it on this sample" not in text(opened())


def test_without_any_recording_home_still_leads_to_every_domain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "showcase", lambda: tmp_path)
    at = opened()
    assert "Ask two networks about" not in text(at)
    assert shown(at, "page_link") > len(registry.TASKS)


def test_how_long_it_takes_is_what_the_recorded_samples_took() -> None:
    taken = [
        found.result.seconds for found in map(recorded.finished, map(runs.RunFolder.find, recorded.ids())) if found
    ]
    assert f"{min(taken):.0f} seconds to {max(taken) / 60:.0f} minutes" in text(opened())


# --- the story --------------------------------------------------------------------------------------


def test_the_story_is_told_with_plots_and_every_part_ends_in_something_that_runs() -> None:
    at = opened("pages/story.py")
    page = text(at)
    for part in story.PARTS:
        assert part.title in page
        assert part.runs
    assert shown(at, "plotly_chart") == 5
    links = [link.label for link in at.get("page_link")]
    assert {run.label for part in story.PARTS for run in part.runs} <= set(links)


@pytest.mark.parametrize("run", [run for part in story.PARTS for run in part.runs], ids=lambda run: str(run.label))
def test_a_button_of_the_story_names_what_there_is(run: story.Run) -> None:
    task = registry.task(run.task)
    assert run.sample in {sample.name for sample in task.samples()}
    assert run.strategy in set(task.info.strategies)
    assert run.step in address.STEPS


def test_what_the_story_quotes_stands_in_the_pages_on_evidence() -> None:
    quoted = "0.70 (0.48 to 0.88)"
    assert any(quoted in part.text for part in story.PARTS)
    assert f"| their mean rank | {quoted} |" in TRANSFERABILITY.read_text(encoding="utf-8")


def test_both_sides_of_a_recorded_run_took_what_they_took_together() -> None:
    for run_id in story_plots.COMPARED:
        found = story_plots.run(run_id)
        ours, theirs = story_plots.seconds(found)
        assert 0 < ours < theirs
        assert ours + theirs == pytest.approx(found.result.seconds)


# --- links that name a sample -----------------------------------------------------------------------


def test_a_link_takes_its_sample_and_opens_at_its_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(question: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        asked.append(question["verb"])
        found = {"macs_per_second": 1e10, "device_name": "a test", "path": str(tmp_path / "films.csv")}
        return found | checked("text.sentiment") if question["verb"] == "check" else found

    monkeypatch.setattr(client, "ask", answer)
    at = opened("pages/text.py", **samples.link("text.sentiment", "films", strategy="features"))
    assert asked[:2] == ["sample", "check"]
    assert "sample" not in at.query_params
    assert runs.ID.fullmatch(at.query_params["data"])
    assert at.query_params["step"] == "strategy"
    assert at.query_params["strategy"] == "features"


@pytest.mark.parametrize("name", ["nothing-of-that-name", "../../etc", "x" * 500])
def test_a_link_to_a_sample_that_there_is_not_gets_a_sentence(name: str) -> None:
    page = text(opened("pages/text.py", task="text.sentiment", sample=name))
    assert "Start afresh" in page


def test_a_link_of_a_run_keeps_its_run() -> None:
    run = finished_run.write(paths.runs() / runs.new_id())
    at = opened("pages/vision.py", run=run.id, sample="digits")
    assert at.query_params["run"] == run.id


# --- words ------------------------------------------------------------------------------------------


def test_every_word_has_one_plain_sentence() -> None:
    names = [str(word) for word in glossary.WORDS]
    assert names == sorted(names, key=str.lower)
    for word, meaning in glossary.WORDS.items():
        assert meaning.endswith("."), word
        assert len(meaning) < 140, word
    page = text(opened("pages/glossary.py"))
    assert all(f"**{word}**" in page for word in names)
