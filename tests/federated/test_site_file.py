"""A site's file is read as it was written, and whatever was changed in it is refused with one sentence."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engines.contract import InputError
from engines.federated import several, site_file
from engines.federated.noise import Noise, noisy
from engines.federated.site_file import Manifest, Site
from engines.federated.statistics import of_class, of_site

WIDTH = 12
MANIFEST = Manifest("vision.classification", "net", "ab" * 32, "64 pixels", WIDTH, "scatter", "site one")


def features(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(1, 1, size=(n, WIDTH)).astype(np.float32)


def known(seed: int = 0) -> dict[str, Any]:
    return {"cat": of_class(features(30, seed)), "dog": of_class(features(4, seed + 1))}


def written(path: Path, seed: int = 0, **changed: Any) -> Path:
    site_file.write(path, replace(MANIFEST, site=f"site {seed}", **changed), known(seed))
    return path


def parts_of(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    with np.load(path) as packed:
        arrays = {name: packed[name] for name in packed.files}
    return json.loads(bytes(arrays.pop("manifest"))), arrays


def repacked(path: Path, manifest: Any, arrays: dict[str, np.ndarray]) -> None:
    text = np.frombuffer(json.dumps(manifest).encode(), dtype=np.uint8)
    np.savez(path, manifest=text, **arrays)


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    site = site_file.read(written(tmp_path / "a.npz"))
    assert site.counts == {"cat": 30, "dog": 4}
    assert site.manifest == replace(MANIFEST, site="site 0")
    assert site.known["cat"].scatter() == pytest.approx(known()["cat"].scatter())
    assert site.known["dog"].factor is not None


def test_a_class_of_1280_features_is_under_4_mb() -> None:
    wide = np.random.default_rng(0).normal(size=(1400, 1280)).astype(np.float32)
    for n in (639, 640, 1400):
        assert of_class(wide[:n]).bytes <= 4e6


Change = Callable[[dict[str, Any], dict[str, np.ndarray]], object]


def put(where: str, value: Any) -> Change:
    return lambda manifest, _arrays: manifest["classes"][0].__setitem__(where, value)


def told(**values: Any) -> Change:
    return lambda manifest, _arrays: manifest.update(values)


def without(name: str) -> Change:
    return lambda manifest, arrays: manifest.pop(name) if name in manifest else arrays.pop(name)


def set_array(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Change:
    return lambda _manifest, arrays: arrays.__setitem__(name, change(arrays[name]))


def with_nan(array: np.ndarray) -> np.ndarray:
    return np.where(np.arange(array.size).reshape(array.shape) == 1, np.nan, array).astype(array.dtype)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (put("n", -3), "class 'cat' has -3 examples"),
        (put("n", 2.5), "class 'cat' has 2.5 examples"),
        (put("n", 31), "31 examples of class 'cat' do not fit their sums"),
        (put("n", 3), "the factor of class 'cat' does not fit its 3 examples"),
        (put("energy", float("nan")), "a number of class 'cat' is not finite"),
        (put("name", "dog"), "it has the class 'dog' twice"),
        (put("name", " \n"), "it has a class without a name"),
        (set_array("mean_0", with_nan), "a number of class 'cat' is not finite"),
        (set_array("half_0", with_nan), "a number of class 'cat' is not finite"),
        (set_array("factor_1", with_nan), "a number of class 'dog' is not finite"),
        (set_array("mean_0", lambda a: a[:-1]), "class 'cat' has other features than its manifest says"),
        (set_array("mean_0", lambda a: a.astype(complex)), "class 'cat' holds something that is no number"),
        (set_array("half_0", lambda a: a[:-1]), "the statistics of class 'cat' are not symmetric"),
        (set_array("half_0", lambda a: -a), "the statistics of class 'cat' are negative somewhere"),
        (set_array("half_0", lambda a: a * 2), "30 examples of class 'cat' do not fit their sums"),
        (set_array("factor_1", lambda a: a[:-1]), "the factor of class 'dog' does not fit its 4 examples"),
        (set_array("factor_1", lambda a: a + 1), "the factor of class 'dog' does not fit its 4 examples"),
        (without("half_0"), "the statistics of class 'cat' are not symmetric, or parts are missing"),
        (told(schema=99), "a newer Headstart has written it (schema 99)"),
        (told(width=-1), "its manifest cannot be read"),
        (told(classes=[]), "its manifest cannot be read"),
        (told(kind="everything"), "its manifest cannot be read"),
        (told(noise={"epsilon": 0}), "its manifest cannot be read"),
        (told(left_out={"classes": -1}), "its manifest cannot be read"),
        (without("backbone"), "its manifest cannot be read"),
        (without("mean_1"), "it is no site's file, or it is damaged"),
    ],
)
def test_a_doctored_file_is_refused(tmp_path: Path, change: Change, sentence: str) -> None:
    path = written(tmp_path / "a.npz")
    manifest, arrays = parts_of(path)
    change(manifest, arrays)
    repacked(path, manifest, arrays)
    with pytest.raises(InputError) as error:
        site_file.read(path)
    assert str(error.value).startswith(f"a.npz: {sentence}")
    assert len(error.value.problems) == 1


class Planted:
    """What runs when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, ("planted", "w"))


def test_nothing_in_it_is_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path / "a.npz")
    manifest, arrays = parts_of(path)
    arrays["mean_0"] = np.array([Planted()], dtype=object)
    np.savez(path, allow_pickle=True, manifest=np.frombuffer(json.dumps(manifest).encode(), np.uint8), **arrays)
    for content in (path.read_bytes(), pickle.dumps(Planted())):
        path.write_bytes(content)
        with pytest.raises(InputError, match="no site's file"):
            site_file.read(path)
    assert not (tmp_path / "planted").exists()


def outcome(path: Path) -> tuple[Site | None, int]:
    """The site in the file, or none and how many sentences say why."""
    try:
        return site_file.read(path), 0
    except InputError as error:
        return None, len(error.problems)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.floats(0, 1), junk=st.binary(min_size=1, max_size=40), cut=st.booleans())
def test_of_any_bytes_there_is_a_site_or_a_sentence(tmp_path: Path, at: float, junk: bytes, cut: bool) -> None:
    path = written(tmp_path / "a.npz")
    whole = path.read_bytes()
    place = int(at * len(whole))
    path.write_bytes(whole[:place] + junk + (b"" if cut else whole[place + len(junk) :]))
    site, problems = outcome(path)
    assert (site is None) == (problems == 1)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=st.sampled_from(["schema", "task", "width", "kind", "classes", "noise", "left_out", "site"]), value=JSON)
def test_of_any_manifest_there_is_a_site_or_a_sentence(tmp_path: Path, key: str, value: Any) -> None:
    path = written(tmp_path / "a.npz")
    manifest, arrays = parts_of(path)
    row = {**manifest["classes"][0], "name": value, "n": value, "energy": value}
    for changed in ({**manifest, key: value}, {**manifest, "classes": [row, *manifest["classes"][1:]]}):
        repacked(path, changed, arrays)
        site, problems = outcome(path)
        assert (site is None) == (problems == 1)


# --- several ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"task": "text.sentiment"}, "the task is another one: text.sentiment, not vision.classification"),
        ({"model": "other"}, "the model is another one: other, not net"),
        ({"backbone": "cd" * 32}, "the backbone's weights is another one"),
        ({"input": "96 pixels"}, "how examples become inputs is another one: 96 pixels, not 64 pixels"),
    ],
)
def test_sites_that_do_not_go_together(tmp_path: Path, changed: dict[str, str], what: str) -> None:
    paths = [written(tmp_path / "a.npz", 0), written(tmp_path / "b.npz", 5, **changed)]
    with pytest.raises(InputError) as error:
        several.read_all(paths)
    assert str(error.value).startswith(f"b.npz: {what}")


def test_a_site_twice(tmp_path: Path) -> None:
    paths = [written(tmp_path / name, 0) for name in ("a.npz", "b.npz")]
    with pytest.raises(InputError, match=r"b.npz: it is the same site as a.npz; accepted: each site once."):
        several.read_all(paths)
    again = replace(MANIFEST, site="under another name")
    site_file.write(paths[1], again, known(0))
    with pytest.raises(InputError, match="same site"):
        several.read_all(paths)


def test_one_site(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the sites: 1 file; accepted: the files of two sites or more."):
        several.read_all([written(tmp_path / "a.npz")])


def test_every_bad_file_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "b.npz").write_bytes(b"no archive")
    with pytest.raises(InputError) as error:
        several.read_all([written(tmp_path / "a.npz"), tmp_path / "b.npz", tmp_path / "c.npz"])
    assert [problem.where for problem in error.value.problems] == ["b.npz", "c.npz"]


def test_one_word_in_two_ways_is_asked_about(tmp_path: Path) -> None:
    paths = [tmp_path / "a.npz", tmp_path / "b.npz"]
    for number, (path, name) in enumerate(zip(paths, ("Cat", "cat"), strict=True)):
        own = of_site(features(20, number), np.arange(20) % 2, [name, "dog"])
        site_file.write(path, replace(MANIFEST, site=name), own)
    with pytest.raises(InputError, match="its class 'cat' is 'Cat' elsewhere; accepted: one name for one class"):
        several.read_all(paths)


def test_numbers_that_mean_the_same_are_one_class(tmp_path: Path) -> None:
    paths = [tmp_path / "a.npz", tmp_path / "b.npz"]
    for number, (path, name) in enumerate(zip(paths, ("1", "1.0"), strict=True)):
        own = of_site(features(20, number), np.arange(20) % 2, [name, "2"])
        site_file.write(path, replace(MANIFEST, site=name), own)
    sites, notes = several.read_all(paths)
    assert [sorted(site.known) for site in sites] == [["1", "2"], ["1", "2"]]
    assert notes == ["The class '1.0' is called '1' here: they mean the same."]


# --- noise ------------------------------------------------------------------------------------------


def test_noise_is_what_its_promise_needs() -> None:
    """Balle & Wang's σ makes δ of ε exactly; the classic one is larger where it holds, below ε = 1."""
    from scipy.stats import norm

    for epsilon, delta in ((0.5, 1e-5), (1.0, 1e-3), (8.0, 1e-5)):
        sigma = Noise(epsilon, delta).sigma
        below, above = 0.5 / sigma - epsilon * sigma, -0.5 / sigma - epsilon * sigma
        assert norm.cdf(below) - np.exp(epsilon) * norm.cdf(above) == pytest.approx(delta, rel=1e-4)
        if epsilon <= 1:
            assert sigma < np.sqrt(2 * np.log(1.25 / delta)) / epsilon


def test_noisy_sums_are_sums_that_can_be_read(tmp_path: Path) -> None:
    noise, path = Noise(1.0, 1e-3, 5.0), tmp_path / "a.npz"
    rng = np.random.default_rng(0)
    own = {"cat": noisy(features(30), noise, rng, means_alone=False)}
    site_file.write(path, replace(MANIFEST, noise={"epsilon": 1.0, "delta": 1e-3, "length": 5.0}), own)
    found = site_file.read(path)
    assert found.manifest.noise == {"epsilon": 1.0, "delta": 1e-3, "length": 5.0}
    assert np.linalg.eigvalsh(found.known["cat"].scatter())[0] > -1e-3
    many = noisy(features(20_000), Noise(8.0, 1e-3, 20.0), rng, means_alone=False)
    assert many.mean == pytest.approx(features(20_000).mean(0), abs=0.1)
    assert many.n == pytest.approx(20_000, abs=50)


@pytest.mark.parametrize("given", [(0.0, 1e-5, 1.0), (1.0, 0.5, 1.0), (1.0, 1e-5, 0.0), (float("nan"), 1e-5, 1.0)])
def test_noise_that_promises_nothing_is_refused(given: tuple[float, float, float]) -> None:
    with pytest.raises(InputError, match="accepted"):
        Noise(*given)


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "a.npz")
    before = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space"):
        written(path, 3)
    assert path.read_bytes() == before
