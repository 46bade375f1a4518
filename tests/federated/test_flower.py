"""Real machines in small: a SuperLink and three SuperNodes on this one, each with a folder and a key of its own.

`make federated` makes the environment that it needs and runs it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from engines import api
from engines.api import federating
from engines.runs import RunFolder
from scripts import flower as environment
from tests.contract.tiny import TINY
from tests.federated import flower
from tests.federated.apart import ALPHA, MODEL, NAMES, SETTINGS, SITES, VISION, lay_apart, recipe_of
from tests.federated.flower import Federation, wait_for
from tests.federated.test_lead import same, weights_of

pytestmark = [
    pytest.mark.skipif(not environment.is_ready(), reason="Flower's own environment is not here: make federated"),
    pytest.mark.skipif(
        not all(map(shutil.which, ("openssl", "ssh-keygen"))), reason="there is no openssl or no ssh-keygen here"
    ),
]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[Path], Path]]:
    models = tmp_path_factory.mktemp("models")
    threads = torch.get_num_threads()
    TINY[VISION].write_weights(models)
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_MODELS", str(models))
        patch.setenv("OMP_NUM_THREADS", "1")
        yield lay_apart(tmp_path_factory.mktemp("apart"))
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def three(places: tuple[Path, list[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    folder = tmp_path_factory.mktemp("federation")
    with flower.federation(folder, {"HEADSTART_HOME": str(folder / "home")}) as found:
        with ThreadPoolExecutor(len(NAMES)) as together:
            list(together.map(found.add_node, places[1]))
        yield found


def asked(places: tuple[Path, list[Path], Path], **more: object) -> dict[str, object]:
    settings = " ".join(f"{name}={value}" for name, value in SETTINGS.items())
    known = {"task": VISION, "model": MODEL, "strategy": "features", "settings": settings, "test": str(places[2])}
    return {**known, "sites": SITES, "rounds": 2, **more}


def test_a_round_that_everybody_is_late_for_fails(
    three: Federation, places: tuple[Path, list[Path], Path], tmp_path: Path
) -> None:
    """Flower by itself ends 'completed' then."""
    out = tmp_path / "late"
    status, log = three.ended(three.begin(out, **asked(places, late_after=0.5)), out)
    assert status == "finished:failed"
    assert "round 1: none of the 3 sites answered: too late 1, 2, 3" in " ".join(log.split())
    assert RunFolder(out).result is None
    assert {address for one in three.started.values() for address in flower.addresses(one)} == {flower.HOST}


def test_a_key_that_nobody_registered_is_turned_away(
    three: Federation, places: tuple[Path, list[Path], Path], tmp_path: Path
) -> None:
    """Its SuperNode ends, and says why."""
    stranger = tmp_path / "stranger"
    shutil.copytree(places[1][0], stranger)
    three.add_node(stranger, registered=False)
    wait_for(lambda: three.started["stranger"].poll() is not None, "its end")
    three.kill("stranger")
    assert "Failed to activate SuperNode" in three.log("stranger")


def test_only_the_sum_is_known(three: Federation, places: tuple[Path, list[Path], Path], tmp_path: Path) -> None:
    out = tmp_path / "secret"
    status, log = three.ended(three.begin(out, **asked(places, rounds=1, secure=True)), out)
    assert status == "finished:completed", log
    federating.simulate(recipe_of(places[0]), tmp_path / "here", sites=SITES, alpha=ALPHA, rounds=1)
    summed, known = weights_of(out), weights_of(tmp_path / "here")
    learnt = [name for name in known if not torch.equal(summed[name], known[name])]
    apart = [float((summed[name] - known[name]).norm() / known[name].norm()) for name in learnt]
    assert 0 < max(apart) < 2e-3  # rounding, which scales of features enlarge: 5e-4 was seen
    result = RunFolder(out).result
    assert result is not None
    assert result.details["federated"]["secure"]
    assert result.details["federated"]["curve"][0]["lost"] == []


def test_three_nodes_end_where_one_place_does_and_one_that_dies_is_counted(
    three: Federation, places: tuple[Path, list[Path], Path], tmp_path: Path
) -> None:
    """All three answer in the first round; 'north' is killed in the second."""
    out = tmp_path / "flower"
    number = three.begin(out, **asked(places))
    wait_for((out / "exchange" / "2.safetensors").is_file, "the second round")
    wait_for(lambda: any(" answer " in line for line in flower.below(three.started["north"])), "north's learning")
    three.kill("north")
    status, log = three.ended(number, out)
    assert status == "finished:completed", log
    federating.simulate(recipe_of(places[0]), tmp_path / "here", sites=SITES, alpha=ALPHA, rounds=2, lose=[(2, 2)])
    assert same(out, tmp_path / "here")
    result = RunFolder(out).result
    assert result is not None
    known = result.details["federated"]
    assert [row["name"] for row in known["sites"]] == list(NAMES)
    assert [row["lost"] for row in known["curve"]] == [[], [2]]
    assert [(row["round"], row["site"]) for row in known["gone"]] == [(2, "north")]
    assert any("1 lost, 0 too late" in note for note in result.notes)
    assert len(api.predict(out, places[2])) == result.n_test
    assert (out / "README.md").is_file()
