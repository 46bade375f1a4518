"""What columns that are known ahead say of series at several sites: by sums alone, as of all series in one place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines import api
from engines.api import federating
from engines.contract import InputError
from engines.forecasting.forecast import prepare, summarise
from engines.forecasting.forecast.summarise import sums_file
from engines.forecasting.forecast.summarise.sums_file import Manifest
from engines.forecasting.models import covariate_regression, known_sums
from engines.forecasting.models.known_sums import KnownSums
from engines.forecasting.settings import ForecastSettings
from engines.runs import RunFolder
from tests import tiny_series
from tests.test_cli import call

TASK, LENGTH = "forecasting.forecast", 72
SETTINGS = {**tiny_series.SETTINGS, "value_column": "sales", "known_ahead": "promotion,warm", "horizon": 6, "epochs": 1}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_HOME", str(tmp_path / "home"))


def columns(seed: int, length: int = LENGTH) -> np.ndarray:
    """Whether something is promoted, and how warm it is."""
    rng = np.random.default_rng(seed)
    return np.stack([(rng.random(length) < 0.3).astype(float), rng.normal(15, 5, length)], axis=1)


def sales(seed: int, length: int = LENGTH) -> np.ndarray:
    """A shop's, of a size of its own, on which both act in proportion."""
    known, size = columns(seed, length), 1 + seed
    quiet = tiny_series.series("north", length) + np.random.default_rng(seed).normal(0, 1, length)
    return size * (quiet + 8 * known[:, 0] - 0.05 * (known[:, 1] - 15) ** 2)


def write(path: Path, seed: int, spoiled: int | None = None, length: int = LENGTH) -> Path:
    lines = ["month,sales,promotion,warm"]
    for i, (value, (promoted, warm)) in enumerate(zip(sales(seed, length), columns(seed, length), strict=True)):
        shown = value if spoiled is None or i < spoiled else 1e6 * (i % 7)
        lines.append(f"{tiny_series.month(i)},{shown:.3f},{('no', 'yes')[int(promoted)]},{warm:.3f}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def of(seed: int, validation: int = 50, test: int = 60) -> KnownSums:
    return known_sums.of_series(sales(seed), columns(seed), ["promotion", "warm"], validation, test, 12, 1.0 + seed)


# --- the sums -----------------------------------------------------------------------------------------


def test_sums_of_sites_give_what_all_series_in_one_place_would() -> None:
    """Against the regression written down: terms in common units, all differences in one table."""
    sites = [(str(seed), of(seed)) for seed in range(4)]
    found = known_sums.solve(sites)
    everything = np.vstack([columns(seed)[:60] for seed in range(4)])
    centre, spread = everything.mean(0), everything.std(0)
    assert found.centre == pytest.approx(centre.tolist())
    assert found.spread == pytest.approx(spread.tolist())
    assert found.curved == [1]
    x, y = [], []
    for seed in range(4):
        units = (columns(seed)[:60] - centre) / spread
        terms = np.column_stack([units, units[:, 1] ** 2])
        x.append(terms[12:] - terms[:-12])
        y.append((sales(seed)[12:60] - sales(seed)[:48]) / (1.0 + seed))
    expected = covariate_regression.ridge(np.vstack(x), np.concatenate(y), found.penalty)
    assert found.weights == pytest.approx(expected.tolist(), rel=1e-8)
    assert [n for _name, n in found.sites] == [48] * 4
    assert known_sums.solve(sites[::-1]).weights == pytest.approx(found.weights)


def test_the_penalty_is_chosen_on_sites_left_out() -> None:
    found = known_sums.solve([(str(seed), of(seed)) for seed in range(3)])
    centre, spread = np.array(found.centre), np.array(found.spread)
    for out, gain in enumerate(found.gains):
        parts = {}
        for seed in range(3):
            units = (columns(seed)[:60] - centre) / spread
            terms = np.column_stack([units, units[:, 1] ** 2])
            parts[seed] = terms[12:] - terms[:-12], (sales(seed)[12:60] - sales(seed)[:48]) / (1.0 + seed)
        others = [parts[seed] for seed in range(3) if seed != out]
        weights = covariate_regression.ridge(
            np.vstack([x for x, _ in others]), np.concatenate([y for _, y in others]), found.penalty
        )
        x, y = parts[out]
        assert gain == pytest.approx(float((y**2).mean() - ((y - x @ weights) ** 2).mean()), rel=1e-8)


def test_an_effect_is_in_units_of_the_series_and_of_its_own_columns() -> None:
    found = known_sums.solve([(str(seed), of(seed)) for seed in range(4)])
    small, large = found.effect(["promotion", "warm"], 1.0), found.effect(["warm", "new", "promotion"], 10.0)
    assert small is not None
    assert large is not None
    added = small.of(np.array([[0.0, 15.0], [1.0, 15.0], [0.0, 25.0]]))
    assert added[1] - added[0] == pytest.approx(8, abs=0.5)
    assert added[2] - added[0] == pytest.approx(-5, abs=1)
    tenfold = large.of(np.array([[15.0, 3.0, 0.0], [15.0, 9.0, 1.0], [25.0, -1.0, 0.0]]))
    assert tenfold == pytest.approx(10 * added)


def test_where_columns_say_nothing_on_other_sites_they_are_left_alone() -> None:
    quiet = [
        known_sums.of_series(tiny_series.series("north", LENGTH), columns(seed), ["a", "b"], 50, 60, 12, 1.0)
        for seed in range(5)
    ]
    found = known_sums.solve([(str(number), own) for number, own in enumerate(quiet)])
    assert not found.helps
    assert found.effect(["a", "b"], 1.0) is None


def test_a_word_that_a_site_never_uses_is_never_there() -> None:
    """As if its column had been there, all 0."""
    known = columns(1)
    lacks = known_sums.of_series(sales(1), known[:, 1:], ["warm"], 50, 60, 12, 1.0)
    zero = np.column_stack([np.zeros(LENGTH), known[:, 1]])
    has = known_sums.of_series(sales(1), zero, ["promotion=yes", "warm"], 50, 60, 12, 1.0)
    other = known_sums.of_series(sales(2), columns(2), ["promotion=yes", "warm"], 50, 60, 12, 1.0)
    one, two = known_sums.together([lacks, other]), known_sums.together([has, other])
    assert one.moments == pytest.approx(two.moments)
    assert one.seen == pytest.approx(two.seen)


@pytest.mark.parametrize("text", ["", "{}", "[]", "no", '{"features": ["a"]}'])
def test_what_is_no_united_regression(text: str) -> None:
    with pytest.raises(ValueError):
        known_sums.united(text)
    found = known_sums.solve([(str(seed), of(seed)) for seed in range(3)])
    assert known_sums.united(found.text()) == found
    spoiled = json.loads(found.text()) | {"weights": [1.0]}
    with pytest.raises(ValueError):
        known_sums.united(json.dumps(spoiled))


# --- files --------------------------------------------------------------------------------------------

MANIFEST = Manifest(TASK, "monthly", 12, "promotion,warm", 1, "a random name")
Change = Callable[[dict[str, Any], dict[str, np.ndarray]], object]


def told(**values: Any) -> Change:
    return lambda manifest, _arrays: manifest.update(values)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (told(n=-1), "it has -1 changes"),
        (told(n=10_000), "10000 changes do not fit its sums"),
        (told(features=["a"]), "its manifest cannot be read"),
        (told(curved=[1, 0]), "its manifest cannot be read"),
        (told(season=0), "its manifest cannot be read"),
        (told(schema=2), "it is no site's file of series, or it is damaged"),
        (lambda _m, arrays: arrays["moments"].__setitem__((0, 1), 1e9), "its sums are not symmetric"),
        (lambda _m, arrays: arrays.update(moments=-arrays["moments"]), "its sums are negative somewhere"),
        (lambda _m, arrays: arrays["seen"].__setitem__((0, 0), np.nan), "one of its numbers is not finite"),
        (lambda _m, arrays: arrays["seen"].__setitem__((1, 0), 1e9), "48 changes do not fit its sums"),
    ],
)
def test_a_doctored_file_is_refused(tmp_path: Path, change: Change, sentence: str) -> None:
    path = tmp_path / "a.npz"
    sums_file.write(path, MANIFEST, of(0))
    assert sums_file.read(path).known.moments == pytest.approx(of(0).moments)
    with np.load(path) as packed:
        arrays = dict(packed.items())
    manifest = json.loads(bytes(arrays.pop("manifest")))
    change(manifest, arrays)
    np.savez(path, manifest=np.frombuffer(json.dumps(manifest).encode(), np.uint8), **arrays)
    with pytest.raises(InputError) as error:
        sums_file.read(path)
    assert str(error.value).startswith(f"a.npz: {sentence}")


def test_files_that_do_not_go_together(tmp_path: Path) -> None:
    paths = [tmp_path / "a.npz", tmp_path / "b.npz"]
    sums_file.write(paths[0], MANIFEST, of(0))
    with pytest.raises(InputError, match="the sites: 1 file"):
        sums_file.read_all(paths[:1])
    sums_file.write(paths[1], MANIFEST, of(1))
    with pytest.raises(InputError, match=r"b.npz: it is the same site as a.npz"):
        sums_file.read_all(paths)
    sums_file.write(paths[1], Manifest(TASK, "weekly", 52, "promotion,warm", 1, "another"), of(1))
    with pytest.raises(InputError, match=r"b.npz: the frequency is another one: weekly, not monthly"):
        sums_file.read_all(paths)
    words = known_sums.of_series(sales(1), columns(1), ["promotion=yes", "warm"], 50, 60, 12, 1.0)
    sums_file.write(paths[1], Manifest(TASK, "monthly", 12, "promotion,warm", 1, "another"), words)
    with pytest.raises(InputError, match=r"b.npz: its columns that are known ahead are others"):
        sums_file.read_all(paths)


# --- from data to a run -------------------------------------------------------------------------------


def test_nothing_of_the_test_leaves_a_site(tmp_path: Path) -> None:
    p = prepare.prepare(write(tmp_path / "whole.csv", 0), ForecastSettings.parse(SETTINGS))
    test = p.splits[0].test  # type: ignore[union-attr]
    paths = [tmp_path / "whole.npz", tmp_path / "spoiled.npz"]
    for path, data in zip(paths, (tmp_path / "whole.csv", write(tmp_path / "s.csv", 0, spoiled=test)), strict=True):
        federating.summarise(TASK, data, path, settings=SETTINGS)
    one, other = (sums_file.read(path).known for path in paths)
    assert (one.moments == other.moments).all()
    assert (one.seen == other.seen).all()


def test_sites_too_short_alone_learn_it_together(tmp_path: Path) -> None:
    """By the command line: three shops' sums, and an ordinary run at a fourth, whose series says nothing by itself."""
    used = [word for name, value in SETTINGS.items() for word in ("--set", f"{name}={value}")]
    files = []
    for seed in range(3):
        data, path = write(tmp_path / f"{seed}.csv", seed), tmp_path / f"{seed}.npz"
        answer = call("federate", "summarise", TASK, "--data", data, "--out", path, *used, "--json")
        assert answer.status == 0, answer.err
        assert answer.json["features"] == ["promotion=no", "promotion=yes", "warm"]
        assert "It holds no value of a series" in " ".join(answer.json["said"])
        files.append(path)
    own = write(tmp_path / "own.csv", 3, length=44)
    alone = prepare.prepare(own, ForecastSettings.parse(SETTINGS))
    assert alone.effects == [None]
    refused = call("federate", "merge", *files, "--out", tmp_path / "run", *used)
    assert "--test: a regression alone forecasts nothing" in refused.err
    answer = call("federate", "merge", *files, "--test", own, "--out", tmp_path / "run", *used, "--json")
    assert answer.status == 0, answer.err
    assert [row["name"] for row in answer.json["sites"]] == ["0.npz", "1.npz", "2.npz"]
    run = RunFolder(tmp_path / "run")
    assert run.result is not None
    assert any("on sites left out that was clearly worth it" in note for note in run.result.notes)
    effects = json.loads((run.path / "model/config.json").read_text())["effects"]
    (weights,) = [effect["weights"] for effect in effects.values()]
    assert any(weights)
    assert run.result.value < 1.5
    with pytest.raises(InputError, match="what its columns add is by the sums of several sites"):
        api.export(run.path, tmp_path / "script.zip", "script")


def test_sums_that_nearly_are_the_values_stay_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, out = write(tmp_path / "short.csv", 0, length=34), tmp_path / "a.npz"
    with pytest.raises(InputError, match="setting known_ahead: found none"):
        federating.summarise(TASK, data, out, settings={**SETTINGS, "known_ahead": ""})
    with pytest.raises(InputError, match="sums of series have none of these"):
        federating.summarise(TASK, data, out, settings=SETTINGS, means_alone=True)
    with pytest.raises(InputError, match="setting shared_effect: it cannot be read"):
        prepare.prepare(data, ForecastSettings.parse({**SETTINGS, "shared_effect": "{"}))
    monkeypatch.setattr(summarise, "LEAST", 5)
    with pytest.raises(InputError, match=r"short.csv: \d+ changes of its series, for 7 numbers each; accepted: 35 or"):
        federating.summarise(TASK, data, out, settings=SETTINGS)
    assert not out.exists()
