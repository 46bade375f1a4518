"""Masked sums: one file is noise, all together are the very sums, and whatever lacks or does not fit is said."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from engines.contract import InputError
from engines.federated import ridge, several, site_file
from engines.federated.masking import agreement, masks
from engines.federated.masking.agreement import Agreement, Key
from engines.federated.site_file import Manifest
from engines.federated.statistics import of_site, union

WIDTH, CLASSES = 6, ["cat", "dog", "elk"]
MANIFEST = Manifest("vision.classification", "net", "ab" * 32, "64 pixels", WIDTH, "scatter", "a random name")
NAMES = ("north", "south", "west")


def known_keys(folder: Path, names: tuple[str, ...] = NAMES) -> tuple[Agreement, list[Key]]:
    """Keys that are the same each time, so that what is tested of chance cannot fail by chance."""
    keys = [
        Key(folder / f"{name}.key", name, X25519PrivateKey.from_private_bytes(bytes([at + 1] * 32)), {})
        for at, name in enumerate(names)
    ]
    return Agreement({key.site: key.public for key in keys}, CLASSES), keys


def sites(n: int = 3) -> tuple[list[dict[str, Any]], np.ndarray, np.ndarray]:
    """Sites' sums, and the examples of all: the first has no elk."""
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    features = (rng.normal(size=(60, WIDTH)) + np.eye(WIDTH)[labels] * 2).astype(np.float32)
    home = rng.integers(0, n, 60)
    home[(home == 0) & (labels == 2)] = 1
    return [of_site(features[home == at], labels[home == at], CLASSES) for at in range(n)], features, labels


def files(folder: Path) -> list[Path]:
    made, keys = known_keys(folder)
    paths = []
    for key, own in zip(keys, sites()[0], strict=True):
        paths.append(folder / f"{key.site}.npz")
        sums = masks.in_steps(own, CLASSES, WIDTH, "scatter", 3)
        under = {"site": key.site, "sites": list(made.sites), "agreement": made.digest}
        manifest = replace(MANIFEST, site=key.site, masks=under)
        site_file.write_masked(paths[-1], manifest, CLASSES, masks.masked(sums, made, key))
    return paths


def test_masks_cancel_to_the_last_bit(tmp_path: Path) -> None:
    made, keys = known_keys(tmp_path)
    sums = [np.array([number, 2**64 - number], dtype=np.uint64) for number in (1, 20, 300)]
    hidden = [masks.masked(own, made, key) for own, key in zip(sums, keys, strict=True)]
    assert all((one != own).all() for one, own in zip(hidden, sums, strict=True))
    total = hidden[0] + hidden[1] + hidden[2]
    assert total.tolist() == [321, 2**64 - 321]


def test_sums_in_steps_are_what_was_added_up() -> None:
    own = of_site(np.array([[1.0, 2.0], [3.0, -2.5]], dtype=np.float32), np.array([0, 0]), ["cat"])
    steps = masks.in_steps(own, ["cat", "dog"], 2, "scatter", 2).view(np.int64).reshape(2, -1)
    one = 1 << 32
    assert steps.tolist() == [[2, 4 * one, -one // 2, 10 * one, int(-5.5 * one), int(10.25 * one)], [0] * 6]
    averages = masks.in_steps(own, ["cat"], 2, "means", 2).view(np.int64)
    assert averages.tolist() == [2, 4 * one, -one // 2]


def test_the_total_is_that_of_unmasked_files_but_for_half_a_step_a_site(tmp_path: Path) -> None:
    read, notes = several.read_all(files(tmp_path))
    found = masks.united([site.masked for site in read if site.masked is not None], CLASSES, WIDTH, "scatter")
    own, features, _labels = sites()
    expected = union(own)
    assert notes == []
    assert list(found) == CLASSES
    half_a_step = 3 * 0.5 / masks.STEPS
    for name in CLASSES:
        n = expected[name].n
        assert found[name].n == n
        assert np.abs(found[name].mean - expected[name].mean).max() * n <= half_a_step * 1.01
        moments = [one[name].scatter() + n * np.outer(one[name].mean, one[name].mean) for one in (found, expected)]
        assert np.abs(moments[0] - moments[1]).max() <= half_a_step * 1.01 + 1e-12 * n
    for strength in (0.01, 1.0):
        heads = [ridge.solver(one)(strength).answers(features) for one in (found, expected)]
        assert np.abs(heads[0] - heads[1]).max() < 1e-8


def test_one_masked_file_is_uniform_noise(tmp_path: Path) -> None:
    """Of sums that are all zero, every byte of the file is as often each of 256 values as chance has it, and two sites'
    bits agree half of the time; with other secrets it is other noise."""
    made, keys = known_keys(tmp_path)
    zeros = np.zeros(1 << 15, dtype=np.uint64)
    hidden = [masks.masked(zeros, made, key) for key in keys]
    for own in hidden:
        counts = np.bincount(np.frombuffer(own.tobytes(), np.uint8), minlength=256)
        expected = len(zeros) * 8 / 256
        assert ((counts - expected) ** 2 / expected).sum() < 350  # χ² of 255: 350 is passed once in 10,000 times
    bits = np.unpackbits(np.frombuffer((hidden[0] ^ hidden[1]).tobytes(), np.uint8))
    assert abs(bits.mean() - 0.5) < 4 * 0.5 / np.sqrt(len(bits))
    other = Agreement(made.sites, ["cat", "dog"])
    again = masks.masked(zeros, other, keys[0])
    assert (again != hidden[0]).all()


def test_pairs_have_one_secret_and_no_two_pairs_the_same(tmp_path: Path) -> None:
    made, keys = known_keys(tmp_path)
    north, south, west = (
        dict(zip([name for name in NAMES if name != key.site], made.secrets(key), strict=True)) for key in keys
    )
    assert north["south"] == (1, south["north"][1])
    assert south["north"][0] == -1
    assert north["west"][1] == west["north"][1]
    assert len({north["south"][1], north["west"][1], south["west"][1]}) == 3


def test_who_is_missing_is_said(tmp_path: Path) -> None:
    paths = files(tmp_path)
    with pytest.raises(
        InputError, match=r"the sites: the file of 'west' is missing; accepted: the files of all 3 sites"
    ):
        several.read_all(paths[:2])
    with pytest.raises(InputError, match=r"south.npz: it is the same site as .*; accepted: each site once"):
        several.read_all([*paths, paths[1]])


def test_files_that_do_not_cancel(tmp_path: Path) -> None:
    paths = files(tmp_path)
    plain = tmp_path / "plain.npz"
    site_file.write(plain, MANIFEST, sites()[0][0])
    with pytest.raises(InputError, match=r"plain.npz: its sums are not masked, and others are"):
        several.read_all([*paths, plain])
    with np.load(paths[0]) as packed:
        arrays = dict(packed.items())
    told = json.loads(bytes(arrays.pop("manifest")))
    for change, sentence in (
        ({"masks": {**told["masks"], "agreement": "0" * 64}}, "its masks are of another agreement"),
        ({"classes": [{"name": "cat"}, {"name": "dog"}, {"name": "owl"}]}, "its masks are of another agreement"),
        ({"classes": [{"name": "cat"}]}, "its masked sums are not as many as its manifest says"),
        ({"masks": {"site": "east", "sites": ["north"], "agreement": "x"}}, "its manifest cannot be read"),
        ({"masks": None}, "its manifest cannot be read"),
        ({"schema": 1}, "its manifest cannot be read"),
    ):
        text = np.frombuffer(json.dumps(told | change).encode(), np.uint8)
        np.savez(paths[1].with_name("changed.npz"), manifest=text, **arrays)
        with pytest.raises(InputError, match=sentence):
            several.read_all([paths[1], tmp_path / "changed.npz", paths[2]])
    read = [site_file.read(path).masked for path in paths]
    changed = [one.copy() for one in read if one is not None]
    changed[0][0] += np.uint64(1 << 50)
    with pytest.raises(InputError, match="all together they are no sums of examples in class 'cat'"):
        masks.united(changed, CLASSES, WIDTH, "scatter")
    changed[0][0] -= np.uint64((1 << 50) - 1)  # one example more than there are does not show in the count
    changed[0][1 : 1 + WIDTH] += np.uint64(1000 << 32)
    with pytest.raises(InputError, match="all together they are no sums"):
        masks.united(changed, CLASSES, WIDTH, "scatter")


def test_sums_that_would_wrap_are_refused() -> None:
    big = of_site(np.full((2, 2), 3e4, dtype=np.float32), np.array([0, 0]), ["cat"])
    assert masks.in_steps(big, ["cat"], 2, "scatter", 1).any()
    with pytest.raises(InputError, match="the sums of class 'cat' are too large for masks"):
        masks.in_steps(big, ["cat"], 2, "scatter", 2)
    with pytest.raises(
        InputError, match=r"1000 classes of 1,280 features are 6.6 GB; accepted: fewer classes, or --means"
    ):
        masks.in_steps({}, [str(one) for one in range(1000)], 1280, "scatter", 2)


# --- keys ---------------------------------------------------------------------------------------------


def test_a_class_that_nobody_has_is_none() -> None:
    own = {name: one for name, one in sites()[0][1].items() if name != "elk"}
    found = masks.united([masks.in_steps(own, CLASSES, WIDTH, "scatter", 2)] * 2, CLASSES, WIDTH, "scatter")
    assert list(found) == ["cat", "dog"]
    assert found["cat"].n == 2 * own["cat"].n


def test_keys_are_made_and_agreed_on(tmp_path: Path) -> None:
    publics = [agreement.new_key(name, tmp_path / f"{name}.key") for name in ("south", "north")]
    assert stat.S_IMODE((tmp_path / "north.key").stat().st_mode) == 0o600
    made = agreement.agree(publics, ["dog", "cat"], tmp_path / "all.json")
    assert made == agreement.read(tmp_path / "all.json")
    assert (list(made.sites), made.classes) == (["north", "south"], ["cat", "dog"])
    assert made == agreement.agree(publics[::-1], ["cat", "dog"], tmp_path / "all.json"), "in whatever order"
    assert made.fingerprint.replace(" ", "") == made.digest[:20]
    key = agreement.read_key(tmp_path / "north.key", made)
    assert key.public == made.sites["north"]
    private = json.loads((tmp_path / "north.key").read_text())["private"]
    assert private not in (tmp_path / "all.json").read_text() + publics[1].read_text()
    with pytest.raises(InputError, match="it is there already"):
        agreement.new_key("north", tmp_path / "north.key")


def test_masks_are_used_once(tmp_path: Path) -> None:
    """The difference of two files under the same masks would be that of their sums."""
    agreement.new_key("north", tmp_path / "north.key")
    agreement.new_key("south", tmp_path / "south.key")
    made = agreement.agree([tmp_path / "north.pub", tmp_path / "south.pub"], CLASSES, tmp_path / "all.json")
    sums = np.arange(4, dtype=np.uint64)
    first = masks.masked(sums, made, agreement.read_key(tmp_path / "north.key", made))
    again = masks.masked(sums, made, agreement.read_key(tmp_path / "north.key", made))
    assert (first == again).all(), "the same sums are the same file"
    with pytest.raises(InputError, match=r"north.key: other sums have been masked with it .*; accepted: new keys"):
        masks.masked(sums + np.uint64(1), made, agreement.read_key(tmp_path / "north.key", made))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sites": {"north": "00" * 32}}, "it does not name the sites"),
        ({"sites": {"north": "ab" * 32, "south": "cd"}}, "site 'south' has no public key"),
        ({"sites": {"north": "ab" * 32, "south": "ab" * 32}}, "two sites have the same key"),
        ({"sites": [1, 2]}, "it does not name the sites"),
        ({"classes": ["cat"]}, "it does not name the classes"),
        ({"classes": ["cat", "Cat"]}, "it does not name the classes"),
        ({"classes": ["cat", 3]}, "it does not name the classes"),
        ({"schema": 2}, "it cannot be read"),
    ],
)
def test_an_agreement_that_is_none(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    made, _keys = known_keys(tmp_path)
    told = {"schema": 1, "sites": made.sites, "classes": made.classes} | change
    (tmp_path / "all.json").write_text(json.dumps(told))
    with pytest.raises(InputError, match=f"all.json: {sentence}"):
        agreement.read(tmp_path / "all.json")


def test_keys_that_do_not_go_with_it(tmp_path: Path) -> None:
    made, keys = known_keys(tmp_path)
    public = agreement.new_key("north", tmp_path / "another.key")
    with pytest.raises(InputError, match=r"another.key: the agreement has no site 'north' with this key"):
        agreement.read_key(tmp_path / "another.key", made)
    with pytest.raises(InputError, match=r"another.pub: it is no private key"):
        agreement.read_key(public, made)
    with pytest.raises(InputError, match=r"another.key: it is a private key, which never leaves its site"):
        agreement.agree([tmp_path / "another.key", public], CLASSES, tmp_path / "all.json")
    with pytest.raises(InputError, match="site 'north' is there twice"):
        agreement.agree([public, public], CLASSES, tmp_path / "all.json")
    weak = Agreement({**made.sites, "south": "00" * 32}, CLASSES)
    with pytest.raises(InputError, match="site 'south' has no public key"):
        weak.secrets(keys[0])
