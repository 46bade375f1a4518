"""Every page, opened through app.py: what it shows when there is nothing, something, or something wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from engines import paths, registry, runs, trash
from engines.attribution.faithfulness import Faithfulness
from engines.contract import InputError, Problem, State, Word
from engines.jobs.serving import client
from engines.runs import RunFolder
from tests.pages import finished_run
from tests.pages.opening import File, opened, press, shown, text
from ui.page import local_storage, recorded, uploads
from ui.page.domains import domains

VISION, RUNS = "pages/vision.py", "pages/runs.py"


@pytest.fixture
def showcase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of the recorded runs."""
    monkeypatch.setattr(paths, "showcase", lambda: tmp_path / "showcase")
    return tmp_path / "showcase"


@pytest.fixture
def recorded_run(showcase: Path) -> RunFolder:
    run = finished_run.write(showcase / runs.new_id())
    entry = {"id": run.id, "task": finished_run.TASK, "sample": "digits", "title": "Four kinds of things"}
    (showcase / "index.json").write_text(json.dumps([entry]))
    return run


# --- home -----------------------------------------------------------------------------------------


def test_home_explains_the_idea_and_the_steps_and_leads_to_every_domain() -> None:
    at = opened()
    assert "Transfer learning" in text(at)
    for step in ("Data", "Model", "Strategy", "Train", "Result"):
        assert f"{step}**" in text(at)
    assert shown(at, "page_link") > len(registry.TASKS), "one a task, and further pages"
    pages = {file.stem for file in (paths.PROJECT / "pages").glob("*.py")} | domains().keys()
    assert text(at).count('target="_self"') == len(pages - {"domain", "operating", "room"}), (
        "a phone's own navigation, hidden on a desk"
    )


# --- vision: nothing, a recording -----------------------------------------------------------------


@pytest.mark.usefixtures("showcase")
def test_without_any_run_vision_opens_on_data_and_offers_samples() -> None:
    at = opened(VISION)
    assert "Bring your photographs" in text(at)
    assert len([b for b in at.button if b.label == "Use this sample"]) >= 1
    assert len(at.file_uploader) == 1


def test_vision_opens_on_the_recorded_run_and_says_so(recorded_run: RunFolder) -> None:
    at = opened(VISION)
    page = text(at)
    assert "A recorded run: Four kinds of things" in page
    assert "seed 0" in page
    assert "Transfer pays" in page
    assert "+44 points over training from scratch" in page
    assert "95 % interval +31 to +56" in page
    assert [metric.value for metric in at.metric] == ["87.4 %", "43.1 %"]
    assert shown(at, "plotly_chart") == 3
    assert "Train it yourself" in page
    assert recorded_run.id not in at.query_params.get("run", "")


def test_a_recorded_run_offers_no_queue_buttons(recorded_run: RunFolder) -> None:  # noqa: ARG001
    at = opened(VISION, step="train")
    assert not {"Cancel", "Resume"} & {button.label for button in at.button}
    assert shown(at, "plotly_chart") == 2


# --- vision: somebody's own run -------------------------------------------------------------------


def test_a_link_to_a_finished_run_shows_its_result() -> None:
    run = finished_run.write(paths.runs() / runs.new_id())
    at = opened(VISION, run=run.id)
    page = text(at)
    assert "A recorded run" not in page
    assert "says animals (95\u00a0%), is food" in page
    assert "data:image/jpeg;base64" in page
    assert "timm.create_model" in at.code[0].value
    assert "Train again: last block" in page


def test_a_missing_thumbnail_becomes_a_placeholder_with_the_file_name() -> None:
    run = finished_run.write(paths.runs() / runs.new_id(), thumbnails=False)
    page = text(opened(VISION, run=run.id))
    assert "data:image" not in page
    assert "food/animals-0.jpg" in page


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("hurts", "Frozen features hurt"),
        ("undecided", "Undecided"),
        ("no_difference", "No difference worth having"),
        (None, "One seed: better than training from scratch"),
    ],
)
def test_every_verdict_has_its_words(verdict: Word | None, words: str) -> None:
    run = finished_run.write(paths.runs() / runs.new_id(), verdict=verdict)
    assert words in text(opened(VISION, run=run.id))


def test_the_numbers_behind_a_plot_are_one_toggle_away() -> None:
    run = finished_run.write(paths.runs() / runs.new_id())
    at = opened(VISION, run=run.id)
    assert shown(at, "arrow_data_frame") == 0
    at.toggle(key="confusion_table").set_value(True).run()
    (table,) = at.dataframe
    assert list(table.value["class"]) == finished_run.CLASSES
    assert list(table.value["test examples"]) == [32, 13, 10, 7]


def test_a_cell_of_the_matrix_shows_its_pictures() -> None:
    run = finished_run.write(paths.runs() / runs.new_id())
    at = opened(VISION, run=run.id)
    assert not [choice for choice in at.selectbox if choice.key == f"cell_true_{run.id}"]  # not drawn before it opens
    at.session_state["choose_cell"] = True
    at.run()
    true, said = at.selectbox(key=f"cell_true_{run.id}"), at.selectbox(key=f"cell_said_{run.id}")
    assert true.value is said.value is None
    true.set_value("food")
    said.set_value("household").run()
    assert "**1 test photograph**: true class food, said household" in text(at)
    assert next(n for found in at.get("html") if (n := found.body.count("<img"))) == 1
    frame = json.loads(at.get("plotly_chart")[0].proto.spec)["layout"]["shapes"][0]
    assert [frame[side] for side in ("x0", "x1", "y0", "y1")] == [2.5, 3.5, 0.5, 1.5]
    at.selectbox(key=f"cell_true_{run.id}").set_value(None).run()
    assert "**7 test photographs**: said household" in text(at)
    at.selectbox(key=f"cell_true_{run.id}").set_value("animals").run()
    assert "**0 test photographs**: true class animals, said household" in text(at)
    for is_open in (False, True):  # folding the choices away forgets nothing
        at.session_state["choose_cell"] = is_open
        at.run()
        assert "**0 test photographs**: true class animals, said household" in text(at)
    assert at.selectbox(key=f"cell_true_{run.id}").value == "animals"


def test_every_test_picture_can_be_looked_through() -> None:
    run = finished_run.write(paths.runs() / runs.new_id())
    at = opened(VISION, run=run.id)
    assert not [
        choice for choice in at.segmented_control if choice.key == "outcome"
    ]  # nothing is drawn before it opens
    at.session_state["browser"] = True
    at.run()
    assert "8 of 62 test photographs, the surest first." in text(at)
    at.selectbox(key=f"true_{run.id}").set_value("animals").run()
    assert "2 of 62 test photographs, the surest first." in text(at)
    at.segmented_control(key="outcome").set_value("all").run()
    assert "32 of 62 test photographs, the least sure first." in text(at)
    page = next(found.body for found in at.get("html") if "animals-29" in found.body)
    assert page.index("animals/animals-29.jpg") < page.index("animals/animals-28.jpg")
    assert "says animals (66\u00a0%), and is" in page
    at.slider(key="sure").set_value((0, 66)).run()  # 95, 94, … 66 % sure
    assert "1 of 62 test photographs, the least sure first." in text(at)
    at.selectbox(key=f"said_{run.id}").set_value("household").run()
    assert "None of them. Widen the choice above." in text(at)


def test_a_test_picture_is_explained_from_the_data_of_its_run(
    monkeypatch: pytest.MonkeyPatch, recorded_run: RunFolder
) -> None:
    asked: list[dict[str, Any]] = []

    def ask(question: dict[str, Any], _: Any = None) -> dict[str, Any]:
        asked.append(question)
        picture = Path(question["out"]) / "0.png"
        picture.parent.mkdir()
        Image.new("RGB", (32, 32)).save(picture)
        row = {"label": "animals", "method": "Integrated gradients", "steps": 64, "completeness_error": 0.0123}
        return {"rows": [row | {"picture": str(picture), "faithfulness": tested.told()}]}

    tested = Faithfulness(0.24, 0.27, "ink", 0.19, 0.52, 0.3, 0.02, 196, 10, 0)
    monkeypatch.setattr(client, "ask", ask)
    run = finished_run.write(paths.runs() / runs.new_id())
    (run.path / "model").mkdir()
    at = opened(VISION, run=run.id)
    at.session_state["browser"] = True
    at.run()
    assert asked == []
    choice = next(box for box in at.selectbox if box.label == "Where did it look?")
    choice.set_value("food/animals-0.jpg").run()
    at.segmented_control(key="explain_how").set_value("integrated-gradients").run()
    assert [question["method"] for question in asked] == [None, "integrated-gradients"]
    assert {(question["data"], question["example"]) for question in asked} == {(run.recipe.data, "food/animals-0.jpg")}
    assert "Orange spoke for **animals** · Integrated gradients, 64 steps, completeness error 1.2 %" in text(at)
    assert "not faithful here" in text(at), "it beats random orders in deletion, and the ink in nothing"
    assert "no sooner than ink and random orders do" in text(at)
    assert not list(paths.uploads().iterdir())
    at = opened(VISION)  # a recording that came without its model
    at.session_state["browser"] = True
    assert "Where did it look?" not in [box.label for box in at.run().selectbox]
    assert not (recorded_run.path / "model").exists()


def opened_on_calibration(calibration: dict[str, Any]) -> AppTest:
    run = finished_run.write(paths.runs() / runs.new_id(), calibration=calibration)
    at = opened(VISION, run=run.id)
    assert shown(at, "plotly_chart") == 3  # the diagram waits until it is asked for
    at.session_state["calibration"] = True
    return at.run()


def test_calibration_says_what_chance_explains_and_what_scaling_did() -> None:
    parts = {"before": finished_run.measured(0.2), "after": finished_run.measured(0.05)}
    at = opened_on_calibration({"temperature": 0.634, "n_validation": 37, **parts})
    page = text(at)
    assert at.metric[-1].value == "5.0 %"
    assert "2.5 – 10.0 %, 95 % interval" in page
    assert "**On 62 test photographs this may be chance**" in page
    assert "show up to 9.0 %" in page
    assert "made surer afterwards, by a temperature of 0.63 that was fitted on 37 photographs" in page
    assert "Error before: 20.0 % (10.0 – 40.0 %); log loss 2.000, now 0.500." in page
    assert shown(at, "plotly_chart") == 4
    at.toggle(key="reliability_table").set_value(True).run()
    assert list(at.dataframe[0].value["right"]) == ["75.0 %"]


def test_calibration_without_a_held_out_part_is_shown_as_it_is() -> None:
    at = opened_on_calibration(
        {"temperature": 1.0, "n_validation": 0, "before": finished_run.measured(0.2), "after": None}
    )
    assert at.metric[-1].value == "20.0 %"
    assert "**It is surer than it is right.**" in text(at)
    assert "Nothing was held out" in text(at)


def test_a_run_from_before_calibration_was_measured_shows_none() -> None:
    run = finished_run.write(paths.runs() / runs.new_id())
    assert "Can its percentages be believed?" not in [e.label for e in opened(VISION, run=run.id).expander]


@pytest.mark.parametrize("run", ["nonsense", "../../etc/passwd", "x" * 22])
def test_a_wrong_link_gets_a_sentence_and_a_way_on(run: str, showcase: Path) -> None:  # noqa: ARG001
    at = opened(VISION, run=run)
    assert "there is no run at this address" in text(at)
    press(at, "Start afresh")
    assert "Bring your photographs" in text(at)


def test_data_that_are_gone_get_a_sentence_and_a_way_on(showcase: Path) -> None:  # noqa: ARG001
    at = opened(VISION, data="x" * 22)
    assert "there are no data at this address any more" in text(at)
    assert "Start afresh" in text(at)


def test_a_failed_run_says_what_was_wrong_and_what_to_do() -> None:
    run = RunFolder.create(finished_run.recipe())
    run.set_state(State.RUNNING)
    run.set_state(State.FAILED, "photo.zip: only one class was found; at least two classes are needed.")
    at = opened(VISION, run=run.id)
    assert "only one class was found" in text(at)
    press(at, "Change it")
    assert at.query_params["step"] == "strategy"


def test_a_cancelled_run_keeps_what_it_learnt_and_can_be_resumed() -> None:
    run = finished_run.write(paths.runs() / runs.new_id())
    (run.path / "result.json").unlink()
    run.set_state(State.CANCELLED, "Cancelled.")
    at = opened(VISION, run=run.id)
    assert "What was learnt so far is kept" in text(at)
    assert "Resume" in text(at)
    assert shown(at, "plotly_chart") == 2


# --- vision: choosing -----------------------------------------------------------------------------


def report(data: str) -> dict[str, Any]:
    """What a check of 248 photographs answers."""
    return {
        "task": finished_run.TASK,
        "data": data,
        "n_examples": 248,
        "sha256": "0",
        "classes": {"animals": 128, "food": 50, "plants": 39, "household": 31},
        "splits": {"train": 149, "validation": 37, "test": 62},
        "skipped": [{"where": "broken.jpg", "reason": "the file ends too early"}],
        "notes": ["'household' is small."],
        "gallery": [{"label": "food", "name": "a.jpg", "thumbnail": None}],
    }


def brought(tmp_path: Path) -> str:
    """Data that were uploaded and checked already."""
    archive = tmp_path / "photographs.zip"
    archive.write_bytes(b"")
    data_id = uploads.take_sample(finished_run.TASK, "digits", archive)
    (uploads.folder(data_id) / "report.json").write_text(json.dumps(report(str(archive))))
    return data_id


def test_checked_data_are_shown_with_counts_and_what_was_left_out(tmp_path: Path) -> None:
    at = opened(VISION, data=brought(tmp_path))
    page = text(at)
    assert "248 photographs in 4 classes" in page
    assert "149 to learn from · 37 to choose by · 62 kept aside for the test" in page
    assert at.expander[0].label == "1 left out, and why"
    assert list(at.dataframe[0].value["where"]) == ["broken.jpg"]
    assert "household" in page


def test_the_strategy_changes_the_address_and_the_count_of_learning_parameters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = {"macs_per_second": 1e10, "device_name": "a test"}
    monkeypatch.setattr(client, "ask", lambda *_, **__: machine)
    at = opened(VISION, data=brought(tmp_path), step="strategy")
    assert "5,124" in text(at)  # 1,280 inputs and a bias for each of 4 classes
    at.segmented_control(key="strategy_switch").set_value("partial").run()
    assert at.query_params["strategy"] == "partial"
    at.slider(key="blocks_slider").set_value(2).run()
    assert at.query_params["blocks"] == "2"
    assert "5,124" not in text(at)
    assert "on this machine" in text(at)


def test_a_setting_out_of_range_is_refused_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ask", lambda *_, **__: {"macs_per_second": 1e10, "device_name": "a test"})
    at = opened(VISION, data=brought(tmp_path), step="strategy")
    at.text_input(key="set_epochs").set_value("0").run()
    assert "**Epochs**" in text(at)
    assert "set" not in at.query_params
    at.text_input(key="set_epochs").set_value("3").run()
    assert "epochs:3" in at.query_params["set"]


def test_the_steps_are_kept_in_the_address(recorded_run: RunFolder) -> None:  # noqa: ARG001
    at = opened(VISION)
    at.segmented_control(key="step_switch").set_value("model").run()
    assert at.query_params["step"] == "model"
    assert "EfficientNet-Lite0" in text(at)


# --- vision: bringing data ------------------------------------------------------------------------


@pytest.mark.usefixtures("showcase")
def test_a_bad_upload_is_refused_in_words_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> dict[str, Any]:
        raise InputError(Problem("photos.zip", "it is no zip archive", "a zip with one folder a class is accepted"))

    monkeypatch.setattr(client, "ask", refuse)
    at = opened(VISION)
    at.file_uploader(key="upload").set_value(("photos.zip", b"not a zip", "application/zip")).run()
    assert "it is no zip archive; a zip with one folder a class is accepted" in text(at)
    assert list(paths.uploads().iterdir()) == []


@pytest.mark.usefixtures("showcase")
def test_a_defect_of_ours_is_said_calmly(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> dict[str, Any]:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(client, "ask", fail)
    at = opened(VISION)
    press(at, "Use this sample")
    assert "The sample could not be made." in text(at)
    assert "secret detail" not in text(at)


# --- runs -----------------------------------------------------------------------------------------


@pytest.fixture
def two_runs(monkeypatch: pytest.MonkeyPatch) -> list[RunFolder]:
    """Two finished runs that this browser remembers."""
    found = [
        finished_run.write(paths.runs() / runs.new_id(), title="First"),
        finished_run.write(paths.runs() / runs.new_id(), title="Second", value=0.81),
    ]
    ids = [run.id for run in found]
    monkeypatch.setattr(local_storage, "recent", lambda add=(), forget=(): [*add, *(i for i in ids if i not in forget)])
    return found


def test_runs_are_listed_and_compared_side_by_side(two_runs: list[RunFolder]) -> None:
    at = opened(RUNS)
    assert "**First**" in text(at)
    assert "80.4 – 93.4 %" in text(at)
    for run in two_runs:
        at.checkbox(key=f"compare_{run.id}").set_value(True)
    at.run()
    assert shown(at, "plotly_chart") == 2
    assert list(at.dataframe[0].value["run"]) == ["First", "Second"]
    assert list(at.dataframe[0].value["balanced accuracy"]) == ["87.4 %", "81.0 %"]


def test_a_run_can_be_renamed(two_runs: list[RunFolder]) -> None:
    at = opened(RUNS)
    key = two_runs[0].id
    at.text_input(key=f"name_{key}").set_value("  Stamps,   second try ")
    at.button(key=f"rename_{key}").click().run()
    assert two_runs[0].recipe.title == "Stamps, second try"
    assert "**Stamps, second try**" in text(at)


def test_a_deleted_run_can_be_had_back_for_a_while(two_runs: list[RunFolder], monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened(RUNS)
    key = two_runs[0].id
    at.button(key=f"delete_{key}").click().run()
    assert not two_runs[0].path.exists()
    assert "**First**" not in text(at)
    assert two_runs[1].path.exists()
    at.button(key="undo").click().run()
    assert two_runs[0].result is not None
    assert "**First**" in text(at)
    at.button(key=f"delete_{key}").click().run()
    monkeypatch.setattr(trash, "SECONDS", -1.0)
    at.button(key="undo").click().run()
    assert "deleted for good" in text(at)
    assert [path.name for path in paths.runs().iterdir()] == [two_runs[1].id]


def test_runs_are_found_by_name_model_and_task(two_runs: list[RunFolder]) -> None:  # noqa: ARG001
    at = opened(RUNS)
    at.text_input(key="search_runs").set_value("classify FIRST").run()
    assert "**First**" in text(at)
    assert "**Second**" not in text(at)
    at.text_input(key="search_runs").set_value("efficientnet").run()
    assert text(at).count("Vision · Classify · EfficientNet-Lite0, head only") == 2
    assert "Balanced accuracy 87.4 % (80.4 – 93.4 %)" in text(at)
    at.text_input(key="search_runs").set_value("trees").run()
    assert "No run is called so" in text(at)


def test_two_runs_on_one_test_are_told_apart_in_words(two_runs: list[RunFolder]) -> None:
    at = opened(RUNS)
    for run in two_runs:
        at.checkbox(key=f"compare_{run.id}").set_value(True)
    at.run()
    same = "**Second**: No different from “First” (95 % interval"
    assert same in text(at) or "**Second**: Balanced accuracy 0.0 points against “First”, which may be" in text(at)
    assert "on the same 62 photographs." in text(at)
    assert list(at.dataframe[0].value["domain"]) == ["Vision", "Vision"]
    interval = json.loads(at.get("plotly_chart")[0].proto.spec)
    assert interval["layout"]["xaxis"]["range"] == [0, 1.0]
    rows = pq.read_table(two_runs[1].path / "predictions.parquet").to_pylist()
    pq.write_table(pa.Table.from_pylist(rows[1:]), two_runs[1].path / "predictions.parquet")
    two_runs[1].write("result.json", (two_runs[1].path / "result.json").read_text())
    recorded.rows.cache_clear()
    at.run()
    assert "**Second**: tested on other examples than “First”" in text(at)


def test_a_pasted_link_adds_a_run(two_runs: list[RunFolder]) -> None:  # noqa: ARG001
    run = finished_run.write(paths.runs() / runs.new_id(), title="From a friend")
    at = opened(RUNS)
    at.text_input(key="paste_run").set_value(f"https://example.org/vision?step=result&run={run.id}").run()
    assert "**From a friend**" in text(at)
    at.text_input(key="paste_run").set_value("https://example.org/?run=wrong").run()
    assert "there is no run at this address" in text(at)


# --- what the page's process carries --------------------------------------------------------------


def test_opening_pages_imports_nothing_heavy(tmp_path: Path) -> None:
    """In a process of its own: a result with its plots, the catalogue, and no torch."""
    script = """
import sys
from pathlib import Path
from engines import paths, runs
from tests.pages import finished_policy, finished_run, test_pages
run = finished_run.write(paths.runs() / runs.new_id())
test_pages.opened()
test_pages.opened(test_pages.VISION, run=run.id)
test_pages.opened(test_pages.VISION, step="model")
test_pages.opened(test_pages.VISION, step="strategy")
test_pages.opened(test_pages.RUNS)
policy = finished_policy.write(paths.runs() / runs.new_id())
test_pages.opened("pages/control.py", run=policy.id)
test_pages.opened("pages/control.py", step="data")
test_pages.opened("pages/control.py", step="strategy")
heavy = {"torch", "torchvision", "transformers", "timm", "sklearn", "accelerate", "peft"} & set(sys.modules)
heavy |= {"gymnasium", "stable_baselines3", "mujoco"} & set(sys.modules)
sys.exit(", ".join(sorted(heavy)) or 0)
"""
    environment = {**os.environ, "HEADSTART_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=paths.PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


# --- uploads --------------------------------------------------------------------------------------


def test_several_files_travel_in_one_archive_under_their_own_last_names() -> None:
    data_id = uploads.keep([File("../../a é.jpg", b"1"), File("C:\\x\\labels.csv", b"2")])
    path = Path(uploads.origin(data_id).path)
    assert path.parent == uploads.folder(data_id)
    with zipfile.ZipFile(path) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {"a é.jpg": b"1", "labels.csv": b"2"}


def test_an_archive_is_stored_as_it_came_under_a_name_of_ours() -> None:
    data_id = uploads.keep([File("../../../evil.zip", b"bytes")])
    origin = uploads.origin(data_id)
    assert origin.title == "evil.zip"
    assert Path(origin.path).read_bytes() == b"bytes"
    assert Path(origin.path).parent == paths.uploads() / data_id


@pytest.mark.parametrize("names", [("a.zip", "b.zip"), ("a.zip", "b.jpg"), ("x/a.jpg", "y/a.jpg"), ()])
def test_what_does_not_fit_together_is_refused_and_leaves_nothing(names: tuple[str, ...]) -> None:
    with pytest.raises(InputError):
        uploads.keep([File(name, b"") for name in names])
    assert list(paths.uploads().iterdir()) == []


def test_problems_name_a_file_as_its_owner_does(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(question: dict[str, Any], _: Any = None) -> dict[str, Any]:
        raise InputError(Problem(Path(question["data"]).name, "it is no zip", "a zip archive is accepted"))

    monkeypatch.setattr(client, "ask", refuse)
    data_id = uploads.keep([File("holiday.zip", b"")])
    with pytest.raises(InputError, match=r"^holiday\.zip: it is no zip; a zip archive is accepted\.$"):
        uploads.check(finished_run.TASK, data_id)


def test_train_it_yourself_takes_another_sample_where_the_recorded_one_is_missing(
    showcase: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = finished_run.write(showcase / runs.new_id())
    entry = {"id": run.id, "task": finished_run.TASK, "sample": "photographs", "title": "Photographs"}
    (showcase / "index.json").write_text(json.dumps([entry]))

    def ask(question: dict[str, Any], _: Any = None) -> dict[str, Any]:
        if question["verb"] == "check":
            return report(question["data"])
        if question["name"] == "photographs":
            raise InputError(Problem("sample", "the photographs are not here", "install them"))
        return {"path": str(tmp_path / question["name"])}

    monkeypatch.setattr(client, "ask", ask)
    at = opened(VISION)
    press(at, "Train it yourself")
    assert "Handwritten digits" in text(at)
    assert "Train now" in text(at)


def test_a_link_to_a_run_outlives_its_data() -> None:
    run = finished_run.write(paths.runs() / runs.new_id())
    assert "Transfer pays" in text(opened(VISION, run=run.id, data="x" * 22))
    at = opened(VISION, run=run.id)
    at.segmented_control(key="step_switch").set_value("data").run()
    assert "This run learnt from **photographs.zip**" in text(at)


@pytest.mark.usefixtures("showcase")
def test_templates_can_be_downloaded_below_the_upload_box() -> None:
    at = opened("pages/forecasting.py", step="data")
    assert [found.label for found in at.get("download_button")] == ["series-long.csv", "series-wide.csv"]
    at = opened("pages/control.py", step="data")
    first = ["pendulum-log.csv", "pendulum-log.jsonl", "pendulum-log.npz", "pendulum-robot.json"]
    assert [found.label for found in at.get("download_button")] == [*first, "invertedpendulum-robot.xml"]
