"""From sites' data to a model that any of them can use: by files, and tried out on data that lie in one place."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engines import api, registry
from engines.api import federating
from engines.contract import Cancelled, Event, InputError, Job, Strategy
from engines.federated import lost, ridge, rounds, site_file
from engines.federated.asked import Asked, can
from engines.federated.masking import masks
from engines.federated.rounds import Plan, Server
from engines.federated.statistics import union
from engines.runs import RunFolder
from tests.contract.tiny import COLOURS, TINY
from tests.test_cli import call

VISION = "vision.classification"
MODEL, SETTINGS = "test_resnet", {"image_size": 64, "views": 1, "folds": 0}
QUICK = ("--set", "image_size=64", "--set", "views=1")
FEDERATED = ("vision.classification", "text.sentiment", "speech.speaker")


@pytest.fixture(scope="module", autouse=True)
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    models, threads = tmp_path_factory.mktemp("models"), torch.get_num_threads()
    for task in FEDERATED:
        TINY[task].write_weights(models)
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_MODELS", str(models))
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures at three places: 'north' has no grey ones, 'south' four of them and no red ones; 'test' is neither's."""
    folder = tmp_path_factory.mktemp("places")
    whole = TINY[VISION].write_data(folder / "whole")
    for picture in sorted(whole.rglob("*.png")):
        label, number = picture.parent.name, int(picture.stem)
        where = "test" if number >= 10 else "north" if number < 5 else "south"
        if (where, label) in {("north", "grey"), ("south", "red")} or (label == "grey" and number == 9):
            continue
        (folder / where / label).mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, folder / where / label)
    return folder


def summarised(place: Path, out: Path | None = None, **asked: Any) -> dict[str, Any]:
    out = out or place.with_suffix(".npz")
    return federating.summarise(VISION, place, out, model=MODEL, settings=SETTINGS, **asked)


@pytest.fixture(scope="module")
def files(places: Path) -> list[Path]:
    summarised(places / "north")
    summarised(places / "south", small_classes=True)
    return [places / "north.npz", places / "south.npz"]


@pytest.fixture(scope="module")
def merged(places: Path, files: list[Path]) -> Path:
    federating.merge(files, places / "merged", test=places / "test", settings=SETTINGS)
    return places / "merged"


@pytest.fixture(scope="module")
def simulated(places: Path) -> Path:
    recipe = api.recipe(VISION, places / "whole", model=MODEL, strategy="features", settings=SETTINGS)
    federating.simulate(recipe, places / "simulated", sites=3, alpha=1.0, rounds=3, lose=[(2, 1)])
    return places / "simulated"


# --- by file --------------------------------------------------------------------------------------


def test_a_small_class_stays_at_home_unless_asked(places: Path, tmp_path: Path) -> None:
    found = summarised(places / "south", tmp_path / "site.npz")
    assert found["left_out"] == {"classes": 1, "examples": 4}
    assert set(found["classes"]) == {"amber", "blue", "green"}
    assert any("1 class with fewer than 5 examples is left out (4 in all)" in line for line in found["said"])
    asked = summarised(places / "south", tmp_path / "site.npz", small_classes=True)
    assert asked["classes"]["grey"] == 4
    assert any("their sums are nearly the examples themselves" in line for line in asked["said"])
    assert asked["said"][0].startswith("The file says how many examples there are of each class")


def test_sites_united_are_an_ordinary_run(merged: Path, places: Path) -> None:
    run = RunFolder(merged)
    result = run.result
    assert result is not None
    assert result.details["classes"] == sorted([*COLOURS, "grey"])
    assert (result.n_train, result.n_test) == (20 + 19, 10)
    assert result.low <= result.value <= result.high
    sites = result.details["federated"]["sites"]
    assert [row["name"] for row in sites] == ["north.npz", "south.npz"]
    assert all(row["alone"]["value"] <= result.value for row in sites)
    assert result.value >= 0.6
    rows = api.predict(merged, places / "test")
    assert {row["label"] for row in rows} <= set(result.details["classes"])
    card = (merged / "README.md").read_text(encoding="utf-8")
    assert "balanced" in card.lower()
    assert api.export(merged, places / "model.zip", "safetensors").exists()
    with pytest.raises(InputError, match="what it learnt from is at several sites"):
        api.export(merged, places / "script.zip", "script")


def test_its_head_is_that_of_all_pictures_in_one_place(places: Path, files: list[Path]) -> None:
    """Whoever adds up both places at once finds the same head, but for what a network computes otherwise in other
    batches."""
    both = places / "both"
    for place in ("north", "south"):
        for picture in (places / place).rglob("*.png"):
            (both / picture.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(picture, both / picture.parent.name)
    summarised(both, small_classes=True)
    one, several = site_file.read(both.with_suffix(".npz")), [site_file.read(path) for path in files]
    seen = np.random.default_rng(0).normal(size=(50, one.manifest.width))
    whole = ridge.solver(one.known)(0.1).answers(seen)
    found = ridge.solver(union([site.known for site in several]))(0.1).answers(seen)
    assert np.abs(found - whole).max() < 1e-3 * np.abs(whole).max()


def test_without_a_test_nothing_is_claimed(files: list[Path], places: Path, tmp_path: Path) -> None:
    answer = call("federate", "merge", *files, "--out", tmp_path / "run", *QUICK, "--json")
    assert answer.status == 0, answer.err
    assert (answer.json["value"], answer.json["n_test"], answer.json["central"]) == (None, 0, None)
    assert [row["n"] for row in answer.json["sites"]] == [20, 19]
    card = (tmp_path / "run/README.md").read_text(encoding="utf-8")
    assert "nan" not in card
    assert "Nothing was tested" in card
    assert len(api.predict(tmp_path / "run", places / "test")) == 10


def test_files_that_a_page_has_packed(files: list[Path], places: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as packed:
        for path in files:
            packed.write(path, path.name)
    recipe = api.recipe(
        VISION, tmp_path / "packed.zip", test=places / "test", model=MODEL, strategy="features", settings=SETTINGS
    )
    run = api.work(Job(recipe, "merge", {"sites": [str(tmp_path / "packed.zip")]}), tmp_path / "run")
    assert run.result is not None
    assert [row["name"] for row in run.result.details["federated"]["sites"]] == ["north.npz", "south.npz"]
    other = api.recipe(
        "text.sentiment", tmp_path / "packed.zip", model=TINY["text.sentiment"].model, strategy="features"
    )
    with pytest.raises(InputError, match="the task"):
        api.work(Job(other, "merge", {"sites": [str(tmp_path / "packed.zip")]}), tmp_path / "other")


def test_class_averages_alone(places: Path, tmp_path: Path) -> None:
    for place in ("north", "south"):
        out = tmp_path / f"{place}.npz"
        answer = call(
            "federate",
            "summarise",
            VISION,
            "--data",
            places / place,
            "--model",
            MODEL,
            "--out",
            out,
            "--means",
            *QUICK,
            "--allow-small-classes",
        )
        assert answer.status == 0, answer.err
        assert out.stat().st_size < 20_000
    result = federating.merge(
        [tmp_path / "north.npz", tmp_path / "south.npz"], tmp_path / "run", test=places / "test", settings=SETTINGS
    )
    assert result.details["federated"]["kind"] == "means"


def test_noise_is_told_and_not_promised(places: Path) -> None:
    found = federating.summarise(
        VISION, places / "north", places / "noisy.npz", model=MODEL, settings=SETTINGS, epsilon=1.0
    )
    assert found["noise"] == {"epsilon": 1.0, "delta": 1e-5, "length": 20.0}
    assert any("no good model is promised" in line for line in found["said"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("merge", "{north}"), "the sites: 1 file; accepted: the files of two sites or more."),
        (("merge", "{north}", "{north}"), "north.npz: it is the same site as north.npz"),
        (("merge", "{north}", "{gone}"), "gone.npz: there is no such file"),
        (
            ("merge", "{north}", "{south}", "--set", "image_size=96"),
            "how examples become inputs of test_resnet are others",
        ),
        (("merge", "{north}", "{south}", *QUICK, "--test", "{whole}"), ""),
        (
            ("summarise", VISION, "--data", "{north_data}", "--epsilon", "-1"),
            "--epsilon: found -1.0; accepted: above 0",
        ),
        (("summarise", "forecasting.forecast", "--data", "{north_data}"), "accepted"),
        (("simulate", VISION, "--data", "{whole}", "--sites", "1"), "--sites: found 1; accepted: 2 to 50."),
        (("simulate", VISION, "--data", "{whole}", "--alpha", "0"), "--alpha: found 0.0; accepted: above 0"),
        (("simulate", VISION, "--data", "{whole}", "--algorithm", "sum"), "--algorithm: found sum; accepted: fedavg,"),
    ],
)
def test_the_command_line_says_what_is_wrong(
    arguments: tuple[str, ...], sentence: str, places: Path, files: list[Path], tmp_path: Path
) -> None:
    named = {
        "{north}": files[0],
        "{south}": files[1],
        "{gone}": tmp_path / "gone.npz",
        "{whole}": places / "whole",
        "{north_data}": places / "north",
    }
    out = tmp_path / ("site.npz" if arguments[0] == "summarise" else "run")
    model = () if arguments[0] == "merge" or "forecasting.forecast" in arguments else ("--model", MODEL)
    answer = call("federate", *(named.get(word, word) for word in arguments), *model, "--out", out)
    if not sentence:
        assert answer.status == 0, answer.err
        return
    assert answer.status == 2
    assert sentence in answer.err


def test_masked_files_are_united_as_plain_ones_are(places: Path, files: list[Path], tmp_path: Path) -> None:
    """By the command line, from keys to a run that answers."""
    for name in ("north", "south"):
        assert call("federate", "key", name, "--out", tmp_path / f"{name}.key").status == 0
    classes = [word for label in (*COLOURS, "grey") for word in ("--class", label)]
    publics = [tmp_path / f"{name}.pub" for name in ("north", "south")]
    agreed = call("federate", "agree", *publics, *classes, "--out", tmp_path / "all.json", "--json")
    assert agreed.json["sites"] == ["north", "south"]
    hidden = []
    for name in ("north", "south"):
        hidden.append(tmp_path / f"{name}.npz")
        asked = {"masks": tmp_path / "all.json", "key": tmp_path / f"{name}.key", "small_classes": True}
        found = summarised(places / name, hidden[-1], **asked)
        assert agreed.json["fingerprint"] in " ".join(found["said"])
        assert any("Masks make these impossible to check" in line for line in found["said"])
    answer = call("federate", "merge", hidden[0], "--out", tmp_path / "one", *QUICK)
    assert answer.status == 2
    alone = call("federate", "merge", hidden[0], files[1], "--out", tmp_path / "one", *QUICK)
    assert "its sums are not masked, and others are" in alone.err
    answer = call("federate", "merge", *hidden, "--test", places / "test", "--out", tmp_path / "run", *QUICK, "--json")
    assert answer.status == 0, answer.err
    assert answer.json["sites"] == [
        {"name": f"{name}.npz", "n": None, "classes": {}, "alone": None} for name in ("north", "south")
    ]
    result = RunFolder(tmp_path / "run").result
    assert result is not None
    assert (result.n_train, result.n_test) == (20 + 19, 10)
    assert result.details["federated"]["masked"]
    assert any("λ cannot be chosen by leaving one site out" in note for note in result.notes)
    assert len(api.predict(tmp_path / "run", places / "test")) == 10
    known = [site_file.read(path).known for path in files]
    (seen,) = [site_file.read(path) for path in hidden[:1]]
    total = masks.united(
        [one for one in (seen.masked, site_file.read(hidden[1]).masked) if one is not None],
        seen.classes,
        seen.manifest.width,
        "scatter",
    )
    asked_of = np.random.default_rng(0).normal(size=(50, seen.manifest.width))
    plain, own = (ridge.solver(one)(0.1).answers(asked_of) for one in (union(known), total))
    assert np.abs(plain - own).max() < 1e-5


def test_masks_need_both_files(places: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--masks, --key: one of the two is missing"):
        summarised(places / "north", tmp_path / "site.npz", masks=tmp_path / "all.json")
    for name in ("north", "south"):
        federating.key(name, tmp_path / f"{name}.key")
    federating.agree([tmp_path / "north.pub", tmp_path / "south.pub"], ["amber", "blue"], tmp_path / "all.json")
    with pytest.raises(InputError, match="north: class 'green' is none of those agreed on; accepted: amber, blue"):
        summarised(places / "north", tmp_path / "site.npz", masks=tmp_path / "all.json", key=tmp_path / "north.key")


@pytest.mark.parametrize("task", ["text.sentiment", "speech.speaker"])
def test_texts_and_voices_too(task: str, tmp_path: Path) -> None:
    """Two sites with other examples of the same classes."""
    tiny = TINY[task]
    settings = {name: value for name, value in tiny.strategies[Strategy.FEATURES].items() if name != "epochs"}
    paths = []
    for name in ("one", "two"):
        data = tiny.write_data(tmp_path / name)
        if name == "two":
            fewer(data)
        paths.append(tmp_path / f"{name}.npz")
        federating.summarise(task, data, paths[-1], model=tiny.model, settings=settings, small_classes=True)
    tested = tiny.write_data(tmp_path / "test") if task == "text.sentiment" else None
    result = federating.merge(paths, tmp_path / "run", test=tested, settings=settings)
    assert result.details["classes"] == sorted(tiny.classes)
    assert api.predict(tmp_path / "run", tiny.write_new(tmp_path / "new")[0])
    assert result.n_train == tiny.examples * 2 - 1


def fewer(data: Path) -> None:
    """The last row of a table goes."""
    table = data if data.is_file() else next(data.rglob("*.csv"))
    lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    table.write_text("".join(lines[:-1]), encoding="utf-8")


# --- in rounds ------------------------------------------------------------------------------------


def test_a_trial_of_it_tells_who_gained(simulated: Path) -> None:
    run = RunFolder(simulated)
    found, result = run.federation, run.result
    assert found is not None
    assert result is not None
    assert run.done
    assert sum(row["n"] for row in found["sites"]) == result.n_train
    assert found["federated"]["value"] == result.value
    assert found["exact"] < 1e-6
    assert [row["round"] for row in found["curve"]] == [1, 2, 3]
    assert [row["lost"] for row in found["curve"]] == [[], [1], []]
    assert found["bytes"]["rounds"] == sum(row["bytes"] for row in found["curve"])
    assert any("1 lost, 0 too late, 0 that were no numbers" in line for line in found["said"])
    assert found["privacy"]["verdict"] in {"found", "none_found", "cannot_tell"}
    assert found["curve"][-1]["value"] == pytest.approx(result.value)
    told = [event.data for event in run.events() if event.kind == "round"]
    assert [event["rounds"] for event in told] == [3, 3, 3]
    assert len(api.predict(simulated, Path(run.recipe.data))) == 60


def recipe_of(places: Path, strategy: str = "features", **settings: Any) -> Any:
    return api.recipe(VISION, places / "whole", model=MODEL, strategy=strategy, settings=SETTINGS | settings)


def test_a_run_that_stopped_goes_on_after_its_last_round(places: Path, simulated: Path, tmp_path: Path) -> None:
    asked = {"sites": 3, "alpha": 1.0, "rounds": 3, "lose": [(2, 1)]}

    def stop(event: Event) -> None:
        if event.kind == "round" and event.data["round"] == 2:
            RunFolder(tmp_path / "run").request_cancel()

    with pytest.raises(Cancelled):
        federating.simulate(recipe_of(places), tmp_path / "run", listeners=[stop], **asked)
    found = federating.simulate(recipe_of(places), tmp_path / "run", **asked)
    whole = RunFolder(simulated).federation
    assert whole is not None
    assert [row["value"] for row in found["curve"]] == [row["value"] for row in whole["curve"]]
    assert found["federated"] == whole["federated"]
    told = [event.data["round"] for event in RunFolder(tmp_path / "run").events() if event.kind == "round"]
    assert told == [1, 2, 3]


def test_adapters_learn_in_rounds(places: Path, tmp_path: Path) -> None:
    recipe = recipe_of(places, "lora", lora_rank=2, epochs=1)
    found = federating.simulate(recipe, tmp_path / "run", sites=2, rounds=1, algorithm="fedprox", scratch=True)
    assert (len(found["curve"]), len(found["scratch_curve"])) == (1, 1)
    assert found["scratch"]["n"] == found["n_test"]
    assert api.predict(tmp_path / "run", places / "test")


def test_a_server_with_a_memory(places: Path, tmp_path: Path) -> None:
    found = federating.simulate(recipe_of(places), tmp_path / "run", sites=2, rounds=2, algorithm="fedadam")
    assert found["curve"][-1]["value"] == pytest.approx(found["federated"]["value"])


def test_sums_know_the_head_alone(places: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="sums know the head alone, and 'full' lets more learn"):
        federating.simulate(recipe_of(places, "full"), tmp_path / "run", sites=2)


def test_a_site_taken_away_by_hand_answers_no_more(places: Path, tmp_path: Path) -> None:
    def take(event: Event) -> None:
        if event.kind == "round" and event.data["round"] == 1:
            lost.lose(RunFolder(tmp_path / "run"), 2)

    found = federating.simulate(recipe_of(places), tmp_path / "run", sites=3, rounds=2, listeners=[take])
    assert [row["lost"] for row in found["curve"]] == [[], [2]]


def test_a_round_that_lost_all_fails(places: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"round 2: none of the 2 sites answered: lost 1, 2; accepted"):
        federating.simulate(recipe_of(places), tmp_path / "run", sites=2, rounds=3, lose=[(2, 1), (2, 2)])
    with pytest.raises(InputError, match=r"round 1: none of the 2 sites answered: too late 1, 2"):
        federating.simulate(recipe_of(places), tmp_path / "late", sites=2, rounds=1, patience=1e-9)


def test_what_is_no_number_is_refused(places: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One site's answer holds NaN: it is counted, and no other one is spoilt by it."""
    honest, asked = rounds.taken, iter(range(100))

    def poisoned(network: Any) -> rounds.State:
        state = honest(network)
        if next(asked) == 1:  # 0 is where all start, 1 the first site's first answer
            next(iter(state.values())).fill_(float("nan"))
        return state

    monkeypatch.setattr(rounds, "taken", poisoned)
    found = federating.simulate(recipe_of(places), tmp_path / "run", sites=2, rounds=2)
    assert [row["refused"] for row in found["curve"]] == [[1], []]
    assert np.isfinite(found["federated"]["value"])


def test_patients_stay_whole_at_one_site(places: Path, tmp_path: Path) -> None:
    """Pictures named by patient: the sites' counts are made of whole patients, and data without names are refused."""
    for picture in (places / "whole").rglob("*.png"):
        label, number = picture.parent.name, int(picture.stem)
        (tmp_path / "data" / label).mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, tmp_path / "data" / label / f"patient-{number:03d}-{label}.png")
    recipe = api.recipe(VISION, tmp_path / "data", model=MODEL, strategy="features", settings=SETTINGS)
    found = federating.simulate(recipe, tmp_path / "run", sites=2, by="group")
    assert found["by"] == "group"
    for row in found["sites"]:
        assert len(set(row["classes"].values())) == 1, "each patient has one picture of every class"
    with pytest.raises(InputError, match="the data name 0 patients or speakers to divide by"):
        federating.simulate(recipe_of(places), tmp_path / "none", sites=2, by="group")
    with pytest.raises(InputError, match="--by: found shoe; accepted: class, group"):
        federating.simulate_job(recipe, by="shoe")


def test_the_server_averages_by_examples() -> None:
    answers = [(1, {"w": torch.tensor([0.0, 4.0])}), (3, {"w": torch.tensor([4.0, 0.0])})]
    server = Server({"w": torch.zeros(2)})
    server.step("fedavg", answers)
    assert server.state["w"].tolist() == [3.0, 1.0]
    adaptive = Server({"w": torch.zeros(2)})
    adaptive.step("fedadam", answers)
    change = torch.tensor([3.0, 1.0])
    first, second = (1 - rounds.FIRST) * change, (1 - rounds.SECOND) * change**2
    expected = rounds.SERVER_RATE * first / (second.sqrt() + rounds.ADAPTIVITY)
    assert torch.allclose(adaptive.state["w"], expected)


def test_a_job_whose_arguments_make_no_sense(places: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="arguments of 'federate'"):
        api.work(Job(recipe_of(places), "federate", {"sites": "many"}), tmp_path / "run")
    assert Asked.read(federating.simulate_job(recipe_of(places)).arguments).sites == 5
    assert Plan(1, "fedavg", Strategy.FEATURES, 1e-3, 1, 0).patience == 0
    assert json.dumps(federating.simulate_job(recipe_of(places), lose=[(1, 2)]).arguments)


def test_tasks_that_can_say_so() -> None:
    able = [name for name in registry.TASKS if can(registry.task(name))]
    assert able == list(FEDERATED)
    for name in able:
        assert registry.task(name).verb("federate").open_study
