"""A federation that is led over a line, without anybody between: what the sites answer is what a trial in one place
makes of the same data."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from engines import api, registry
from engines.api import federating
from engines.contract import InputError, Run
from engines.federated import lead, line, rounds, site, wire
from engines.federated.lead import Heard
from engines.federated.learner import Moments, Terms
from engines.runs import RunFolder
from engines.training import heads
from tests.contract.tiny import TINY
from tests.federated.apart import ALPHA, NAMES, SITES, VISION, lay_apart, recipe_of

Apart = tuple[Path, list[Path], Path]


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apart]:
    models, threads = tmp_path_factory.mktemp("models"), torch.get_num_threads()
    TINY[VISION].write_weights(models)
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_MODELS", str(models))
        yield lay_apart(tmp_path_factory.mktemp("apart"))
    torch.set_num_threads(threads)


class Carried:
    """A line that asks the sites in this process. `spoil(number, name, answer)` may do what it likes to an answer:
    where it raises KeyError there is none, where TimeoutError it is late."""

    def __init__(self, folder: Path, sites: Sequence[Path], spoil: Callable[[int, str, Path], object] | None = None):
        self.folder, self.sites, self.spoil = folder, sites, spoil
        self.folder.mkdir(exist_ok=True)
        self.orders: list[Path] = []

    def ask(self, run: Run, order: Path, sites: Mapping[str, int], *, patience: float, secure: bool) -> Heard:
        found = Heard([])
        self.orders.append(order)
        for place in self.sites:
            out = self.folder / f"{order.stem}-{place.name}.safetensors"
            try:
                federating.answer(order, place, out, name=place.name)
                if self.spoil:
                    self.spoil(int(order.stem), place.name, out)
            except KeyError:
                found.lost.append((place.name, "the line was cut"))
            except TimeoutError:
                found.late.append(place.name)
            except InputError as error:
                found.lost.append((place.name, str(error)))
            else:
                found.answers.append((place.name, out))
        return found


def led(
    apart: Apart,
    out: Path,
    spoil: Callable[[int, str, Path], object] | None = None,
    *,
    strategy: str = "features",
    tested: bool = True,
    settings: dict[str, Any] | None = None,
    **asked: Any,
) -> RunFolder:
    whole, sites, test = apart
    recipe = recipe_of(whole, strategy, **(settings or {}))
    recipe = api.recipe(
        VISION, test, test=test if tested else None, model=recipe.model, strategy=strategy, settings=recipe.settings
    )
    job = federating.lead_job(recipe, **({"sites": SITES, "rounds": 2} | asked))
    run = RunFolder.create(job, out)
    lead.lead(registry.task(VISION), recipe, run, job.arguments, Carried(out.with_suffix(".line"), sites, spoil))
    return run


def weights_of(run: Path) -> dict[str, torch.Tensor]:
    return load_file(next((run / "model").glob("*.safetensors")))


def same(one: Path, other: Path) -> bool:
    mine, theirs = weights_of(one), weights_of(other)
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


@pytest.mark.parametrize(
    ("strategy", "algorithm", "settings"),
    [("features", "fedavg", {}), ("lora", "fedprox", {"lora_rank": 2}), ("partial", "fedadam", {"blocks": 1})],
)
def test_it_ends_where_a_trial_in_one_place_does(
    apart: Apart, tmp_path: Path, strategy: str, algorithm: str, settings: dict[str, Any]
) -> None:
    run = led(apart, tmp_path / "led", strategy=strategy, algorithm=algorithm, settings=settings)
    found = federating.simulate(
        recipe_of(apart[0], strategy, **settings),
        tmp_path / "here",
        sites=SITES,
        alpha=ALPHA,
        rounds=2,
        algorithm=algorithm,
    )
    assert same(run.path, tmp_path / "here")
    result = run.result
    assert result is not None
    assert result.value == found["federated"]["value"]
    known = result.details["federated"]
    assert [row["name"] for row in known["sites"]] == list(NAMES)
    assert sum(row["n"] for row in known["sites"]) == result.n_train == sum(row["n"] for row in found["sites"])
    assert [row["bytes"] for row in known["curve"]] == [row["bytes"] for row in found["curve"]]
    assert len(api.predict(run.path, apart[2])) == result.n_test
    assert not (run.path / lead.EXCHANGE).exists()
    assert (run.path / "README.md").is_file()


def test_nothing_is_claimed_without_a_test(apart: Apart, tmp_path: Path) -> None:
    result = led(apart, tmp_path / "led", tested=False, rounds=1).result
    assert result is not None
    assert math.isnan(result.value)
    assert result.n_test == 0
    assert result.details["federated"]["curve"][0]["value"] is None


def test_sites_that_are_lost_late_or_send_no_numbers(apart: Apart, tmp_path: Path) -> None:
    def spoil(number: int, name: str, answer: Path) -> None:
        if (number, name) == (1, "east"):
            raise KeyError
        if (number, name) == (1, "north"):
            raise TimeoutError
        if (number, name) == (2, "west"):
            told, tensors = wire.read(answer, "learnt", ())
            wire.write(answer, told, {key: value * math.nan for key, value in tensors.items()})

    run = led(apart, tmp_path / "led", spoil)
    result = run.result
    assert result is not None
    known = result.details["federated"]
    assert [(row["lost"], row["late"], row["refused"]) for row in known["curve"]] == [([1], [2], []), ([], [], [3])]
    assert known["gone"] == [{"round": 1, "site": "east", "why": "the line was cut"}]
    assert any("1 lost, 1 too late, 1 that were no numbers" in note for note in result.notes)
    assert all(bool(torch.isfinite(value).all()) for value in weights_of(run.path).values())
    told = [event.data["message"] for event in run.events() if event.kind == "note"]
    assert "east gave no answer: the line was cut" in told


def test_a_lost_site_is_as_one_lost_in_one_place(apart: Apart, tmp_path: Path) -> None:
    def spoil(number: int, name: str, _answer: Path) -> None:
        if (number, name) == (2, "north"):
            raise KeyError

    run = led(apart, tmp_path / "led", spoil)
    federating.simulate(recipe_of(apart[0]), tmp_path / "here", sites=SITES, alpha=ALPHA, rounds=2, lose=[(2, 2)])
    assert same(run.path, tmp_path / "here")


def test_a_round_that_lost_all_fails(apart: Apart, tmp_path: Path) -> None:
    def spoil(number: int, _name: str, _answer: Path) -> None:
        if number == 2:
            raise TimeoutError

    with pytest.raises(InputError, match=r"round 2: none of the 3 sites answered: too late 1, 2, 3"):
        led(apart, tmp_path / "led", spoil)
    assert not (tmp_path / "led" / "result.json").exists()


def test_sites_that_do_not_go_together(apart: Apart, tmp_path: Path) -> None:
    def other(key: str, value: object) -> Callable[[int, str, Path], None]:
        def spoil(number: int, name: str, answer: Path) -> None:
            if (number, name) == (0, "west"):
                told, tensors = wire.read(answer, "summed", ())
                wire.write(answer, told | {key: value}, tensors)

        return spoil

    for key, value, sentence in (
        ("backbone", "0" * 64, "west: the backbone's weights of test_resnet are others there"),
        ("input", "upside down", "west: how examples become inputs of test_resnet are others there"),
        ("n", 1_000_000, "west: its numbers do not fit each other"),
        ("site", "north", "west: its numbers do not fit each other"),
        ("counts", {"grey": -1}, "west: its numbers do not fit each other"),
    ):
        with pytest.raises(InputError, match=sentence):
            led(apart, tmp_path / f"led-{key}", other(key, value))

    def cut(_number: int, name: str, _answer: Path) -> None:
        if name == "west":
            raise KeyError

    with pytest.raises(InputError, match=r"2 of 3 answered \(west: the line was cut\)"):
        led(apart, tmp_path / "led-cut", cut)


def test_a_site_refuses_what_does_not_fit(apart: Apart, tmp_path: Path) -> None:
    _whole, sites, test = apart
    order, out = tmp_path / "order.safetensors", tmp_path / "answer.safetensors"
    told = {
        "kind": "learn",
        "task": VISION,
        "model": "test_resnet",
        "strategy": "features",
        "seed": 0,
        "settings": {"image_size": 64},
        "sites": ["east"],
        "round": 1,
        "algorithm": "fedavg",
        "classes": sorted(TINY[VISION].classes),
    }
    tensors = {"weights": torch.ones(len(told["classes"])), "shift": torch.zeros(96), "scale": torch.ones(96)}
    for change, given, name, sentence in (
        ({"sites": ["west"]}, tensors, "east", "this federation does not know it"),
        ({"classes": ["grey"]}, tensors, "east", "is at no site"),
        ({}, {}, "east", "it lacks numbers"),
        ({}, tensors | {"scale": torch.ones(8)}, "east", "it lacks numbers"),
        ({}, tensors | {"state/other": torch.ones(1)}, "east", "does not fit the network here"),
        ({"strategy": "scratch"}, tensors, "east", "it asks for what is not known here"),
        ({"model": str(tmp_path / "run")}, tensors, "east", "it names no model"),
        ({"format": 2}, tensors, "east", "it is none of 'learn'"),
    ):
        (tmp_path / "run").mkdir(exist_ok=True)
        (tmp_path / "run" / "recipe.json").touch()
        wire.write(order, told | change, given)
        with pytest.raises(InputError, match=sentence):
            federating.answer(order, sites[0], out, name=name)
    order.write_bytes(b"nonsense")
    with pytest.raises(InputError, match="it cannot be read"):
        federating.answer(order, test, out, name="east")
    assert not out.exists()


def test_a_site_with_a_handful_is_refused(apart: Apart, tmp_path: Path) -> None:
    few = tmp_path / "few"
    for number, picture in enumerate(sorted(apart[1][0].rglob("*.png"))[: site.FEW - 1]):
        (few / "grey").mkdir(parents=True, exist_ok=True)
        (few / "grey" / f"{number}.png").write_bytes(picture.read_bytes())

    with pytest.raises(InputError, match=r"2 of 3 answered \(few: .*it has 4 examples with a class"):
        led((apart[0], [*apart[1][:2], few], apart[2]), tmp_path / "led")


def test_moments_of_sites_are_those_of_all() -> None:
    features = torch.randn(30, 1, 4, generator=torch.Generator().manual_seed(0))
    parts = [features[:3], features[3:4], features[4:]]
    counts = torch.tensor([[2, 1], [1, 0], [10, 16]])
    terms = Terms.of(counts, [Moments.of(part[:, 0]) for part in parts], balance=True)
    shift, scale = heads.standardisation(features)
    assert terms.shift is not None
    assert terms.scale is not None
    assert torch.allclose(terms.shift, shift, atol=1e-6)
    assert torch.allclose(terms.scale, scale, atol=1e-6)
    assert terms.weights.tolist() == pytest.approx([30 / 13 / 2, 30 / 17 / 2])


def test_what_a_line_tells() -> None:
    said = {"answers": [["east", "/a"]], "lost": [["west", "gone"]], "late": ["north"]}
    assert line.heard(json.dumps(said)) == Heard([("east", Path("/a"))], [("west", "gone")], ["north"])
    with pytest.raises(InputError, match="whoever carried orders and answers is gone"):
        line.heard("")
    for wrong in ("[]", "{}", '{"answers": [1], "lost": [], "late": []}', "nonsense"):
        with pytest.raises(InputError, match="accepted: answers, lost and late"):
            line.heard(wrong)


def test_a_sum_that_nobody_can_take_apart(tmp_path: Path) -> None:
    """In secret only the average change of those who are in it comes back."""
    leader = lead.Leader(None, Carried(tmp_path, []), lead.Led(1, "fedavg", 0.0, 2, True), tmp_path)
    leader.sites = [lead.Known(name, n, {"a": n}, None) for name, n in (("east", 3), ("north", 5), ("west", 7))]
    path = tmp_path / "sum.safetensors"
    wire.write(path, {"kind": "together", "sites": ["east", "west"]}, {"w": torch.tensor([1.0, -2.0])})
    server = rounds.Server({"w": torch.tensor([0.5, 0.5])})
    answers, dropped = leader.in_secret(Heard([("", path)]), server, NAMES)
    assert [(n, state["w"].tolist()) for n, state in answers] == [(10, [1.5, -1.5])]
    assert dropped == {"lost": [2], "late": [], "refused": []}
    assert leader.in_secret(Heard([], late=["north"]), server, NAMES) == (
        [],
        {"lost": [1, 3], "late": [2], "refused": []},
    )
    wire.write(path, {"kind": "together", "sites": ["east"]}, {"w": torch.tensor([1.0])})
    with pytest.raises(InputError, match="it is none of this network"):
        leader.in_secret(Heard([("", path)]), server, NAMES)


def test_what_leading_asks_for(apart: Apart) -> None:
    recipe = recipe_of(apart[0])
    for asked, sentence in (
        ({"sites": 1}, "--sites: found 1"),
        ({"rounds": 0}, "--rounds: found 0"),
        ({"algorithm": "fedsgd"}, "--algorithm: found fedsgd"),
        ({"patience": -1.0}, "--late-after: found -1"),
    ):
        with pytest.raises(InputError, match=sentence):
            federating.lead_job(recipe, **asked)
    with pytest.raises(InputError, match="--strategy: found scratch"):
        federating.lead_job(recipe_of(apart[0], "scratch"))
    with pytest.raises(InputError, match="arguments of 'lead'"):
        lead.Led.read({"rounds": "many"})
