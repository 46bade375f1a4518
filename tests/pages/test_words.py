"""How numbers are said, and how an address is read."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines import runs
from engines.contract import BALANCED_ACCURACY, Block, Estimate, Metric, Network, Strategy, Verdict
from ui.page import address, uploads, user_changes, words
from ui.widgets import class_plots, drawing, plots


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "under a second"), (8.4, "8 s"), (60, "1 min"), (125, "2 min 5 s"), (660, "11 min"), (4200, "1 h 10 min")],
)
def test_durations(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said


def test_shares_are_percentages_and_other_metrics_are_not() -> None:
    assert words.metric("balanced_accuracy", 0.8049) == "80.5 %"
    assert words.metric("mae", 0.26812) == "0.268"
    assert words.difference("accuracy", -0.031) == "−3.1 points"
    assert words.difference("accuracy", 0.374) == "+37 points"
    assert words.difference("accuracy", 0.01) == "+1.0 point"
    assert words.difference("mae", -0.0757) == "−0.0757"


def test_a_verdict_is_a_sentence_with_its_interval() -> None:
    found = Verdict("undecided", Estimate(0.02, -0.05, 0.08, 62), "scratch")
    sentence, line = words.verdict(found, BALANCED_ACCURACY)
    assert sentence == "Balanced accuracy +2.0 points over training from scratch, which may be chance"
    assert line == "95 % interval −5 to +8; higher is better"


def test_fewer_errors_are_told_as_less_that_is_better() -> None:
    wer = Metric("wer", "WER", "", higher_is_better=False, kind="share")
    sentence, line = words.verdict(Verdict(None, Estimate(-0.14, -0.26, -0.02, 20), "zero_shot", "better"), wer)
    assert sentence == "WER −14 points (lower is better) against the model as it came"
    assert line == "95 % interval −26 to −2; lower is better"
    nothing = Verdict("undecided", Estimate(0.0, 0.0, 0.0, 20), "zero_shot")
    assert words.verdict(nothing, wer)[0] == "No different from the model as it came"


@pytest.mark.parametrize(("n", "said"), [(4_652_008, "4.65 M"), (5124, "5,124"), (7.1e9, "7.1 B")])
def test_parameters(n: int, said: str) -> None:
    assert words.parameters(n) == said


@given(st.text(max_size=80))
def test_markdown_shows_anybody_s_text_as_it_is(text: str) -> None:
    assert re.sub(r"\\(.)", r"\1", words.plain(text)) == text


@given(st.text(max_size=60))
def test_a_stored_name_has_no_folder_in_it(name: str) -> None:
    safe = uploads.safe_name(name)
    assert safe
    assert "/" not in safe
    assert "\\" not in safe
    assert safe.isprintable() or not set(safe) & set(map(chr, range(32)))


@given(st.text(max_size=30), st.text(max_size=30))
def test_the_id_is_found_in_whatever_link_was_pasted(before: str, after: str) -> None:
    run = runs.new_id()
    assert address.run_id(run) == run
    if "run=" not in before:
        assert address.run_id(f"http://host/{before}?run={run}&{after}") == run


def test_names_in_a_drawing_cannot_become_markup() -> None:
    blocks = Block("<script>", 10, "frozen"), Block("b", 20, "learns"), Block("head", 5, "learns")
    svg = drawing.network(Network(blocks, 35, Strategy.PARTIAL))
    assert "<script>" not in svg
    assert svg.count("learns</text>") == 4  # block b and the head, drawn wide and narrow


def test_curve_labels_keep_apart() -> None:
    curves = [plots.line(name, [1, 2], [0.5, y], plots.TRAINED) for name, y in (("a", 0.80), ("b", 0.81), ("c", 0.2))]
    figure = plots.lines(curves, x="epoch", y="accuracy", last_x=2)
    places = {label["text"]: label["y"] for label in figure["layout"]["annotations"]}
    low, high = figure["layout"]["yaxis"]["range"]
    assert places["b"] - places["a"] >= 15 * (high - low) / 190 - 1e-9
    assert places["c"] == 0.2


def test_confusion_shades_each_true_class_by_its_own_size() -> None:
    figure = class_plots.confusion(["a", "b"], [[3, 1], [0, 2]], unit="texts")
    assert figure["data"][0]["z"] == [[0.75, 0.25], [None, 1.0]]
    assert [label["text"] for label in figure["layout"]["annotations"]] == ["3", "1", "·", "2"]
    assert figure["data"][1]["customdata"] == [3, 1, 0, 2]
    assert "shapes" not in figure["layout"]


def test_only_another_value_than_the_one_drawn_was_changed_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit calls back untouched widgets of a page that a click interrupted while it was being drawn."""
    state = {"model": "small"}
    monkeypatch.setattr(user_changes.st, "session_state", state)
    acted: list[str] = []
    call = user_changes.changed("model", lambda given: acted.append(f"{given} {state['model']}"))
    call("now")
    assert acted == []
    state["model"] = "large"
    call("now")
    assert acted == ["now large"]
