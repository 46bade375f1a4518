"""Clusters, the order to label in, odd ones and copies, on points that are easily counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engines.contract import InputError
from engines.unlabelled import clusters, head, label_first, oddities, projection
from engines.unlabelled.examples import MOST, Unlabelled, drawn, require_some

CORNERS = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])


def blobs(*sizes: int, seed: int = 0) -> np.ndarray:
    """Points around the corners, so many at each, a tenth apart."""
    rng = np.random.default_rng(seed)
    return np.concatenate([c + rng.normal(0, 0.1, (n, 2)) for c, n in zip(CORNERS, sizes, strict=False)])


def test_three_heaps_are_three_clusters() -> None:
    found = clusters.kmeans(blobs(20, 10, 5), 3, seed=0)
    groups = [set(found.assigned[a:b].tolist()) for a, b in ((0, 20), (20, 30), (30, 35))]
    assert [len(group) for group in groups] == [1, 1, 1]
    assert len(set.union(*groups)) == 3


def test_centres_that_are_given_stay_and_what_is_around_them_is_theirs() -> None:
    found = clusters.kmeans(blobs(20, 10, 5), 2, seed=0, fixed=CORNERS[:1])
    assert found.centres[0].tolist() == [0.0, 0.0]
    assert set(found.assigned[:20].tolist()) == {0}
    assert set(found.assigned[20:].tolist()) == {1, 2}


def test_the_same_seed_gives_the_same_clusters() -> None:
    points = np.random.default_rng(1).normal(size=(60, 5))
    first, second = clusters.kmeans(points, 7, 3), clusters.kmeans(points, 7, 3)
    assert first.assigned.tolist() == second.assigned.tolist()


def test_points_that_are_all_the_same_end_in_clusters_too() -> None:
    assert clusters.kmeans(np.zeros((6, 3)), 2, 0).inertia == 0


def test_one_of_each_heap_is_asked_about_first_the_largest_heap_before_the_others() -> None:
    asked = label_first.order(blobs(20, 10, 5), 3, 3, seed=0)
    assert [int(np.searchsorted([20, 30, 35], i, side="right")) for i in asked] == [0, 1, 2]


def test_what_is_labelled_is_not_asked_about_and_its_heap_waits() -> None:
    points = blobs(20, 10, 5)
    asked = label_first.order(points, 2, 2, seed=0, known=[3])
    assert sorted(int(np.searchsorted([20, 30, 35], i, side="right")) for i in asked) == [1, 2]


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(1, 25),
    a_round=st.integers(1, 6),
    wanted=st.integers(0, 40),
    seed=st.integers(0, 5),
    known=st.sets(st.integers(0, 24)),
    without=st.sets(st.integers(0, 24)),
)
def test_each_open_point_comes_once(
    n: int, a_round: int, wanted: int, seed: int, known: set[int], without: set[int]
) -> None:
    points = np.random.default_rng(seed).normal(size=(n, 3)).round(1)
    known = {i for i in known if i < n}
    without = {i for i in without if i < n} - known
    asked = label_first.order(points, a_round, wanted, seed, known=sorted(known), without=without)
    assert len(asked) == len(set(asked)) == min(wanted, n - len(known) - len(without))
    assert not set(asked) & (known | without)


def test_the_odd_one_is_first_by_both_measures() -> None:
    points = np.concatenate([blobs(30), [[3.0, 3.0]]])
    far, thin = oddities.far_from_others(points), oddities.thinner_than_around(points)
    assert far.argmax() == thin.argmax() == oddities.unlike(far, thin).argmax() == 30
    assert oddities.unlike(far, thin)[30] == 1.0


def test_a_copy_names_the_first_of_its_kind() -> None:
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 0.0], [3.0, 0.01], [0.0, 0.0]])
    assert oddities.copies(vectors, 0.99).tolist() == [-1, -1, 0, 0, -1]


def test_pictures_are_copies_only_where_their_pixels_are_nearly_the_same_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    first = Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8))
    other, plain = (Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)), Image.new("RGB", (64, 64)))
    files = []
    for number, picture in enumerate((first, other, first.resize((60, 60)), plain, plain)):
        files.append(tmp_path / f"{number}.png")
        picture.save(files[-1])
    pixels = oddities.pixels(files)
    assert (pixels**2).sum(1) == pytest.approx(1)
    assert oddities.copies(np.ones((5, 2)), 0.9, pixels[[0, 1, 0, 3, 4]]).tolist() == [-1, -1, 0, -1, 3]
    assert oddities.copies(np.ones((5, 2)), 0.9).tolist() == [-1, 0, 0, 0, 0]
    assert pixels[0] @ pixels[1] < 0.5


def test_more_than_can_be_looked_at_is_drawn_by_the_seed_in_order() -> None:
    some = drawn(range(20_000), seed=4)
    assert len(some) == MOST
    assert some == sorted(some) == drawn(range(20_000), seed=4)
    assert some != drawn(range(20_000), seed=5)


@pytest.mark.parametrize(
    ("vectors", "said"),
    [
        (np.ones((1, 3)), "only 1 of its pictures can be looked at"),
        (np.ones((9, 3)), "all 9 pictures are the same to the network"),
    ],
)
def test_what_cannot_be_looked_through_is_said(vectors: np.ndarray, said: str) -> None:
    names = [str(i) for i in range(len(vectors))]
    with pytest.raises(InputError, match=said):
        require_some(Unlabelled("pictures", names, names, vectors, 0.9, len(names)), "my.zip")


def test_the_head_needs_two_of_each_class_and_then_leaves_one_out_at_a_time() -> None:
    points = 1 + blobs(2, 2)
    assert head.left_out(points, np.array([0, 0, 0, 1])) is None
    found = head.left_out(points, np.array([0, 0, 1, 1]))
    assert found is not None
    assert (found.value, found.n) == (1.0, 4)
    assert found.low < 1.0
    alone = head.left_out(1 + blobs(2, 2, 1), np.array([0, 0, 1, 1, 2]))
    assert alone is not None
    assert (alone.value, alone.n) == (1.0, 4)


def test_accuracy_on_the_rest_counts_a_class_nobody_named_as_wrong() -> None:
    points = 1 + blobs(3, 3, 3)
    truth = np.repeat([0, 1, 2], 3)
    found = head.on_the_rest(points, np.array([0, 3]), np.array([0, 1]), truth)
    assert found is not None
    assert (found.value, found.n) == (pytest.approx(2 / 3), 7)


def test_the_map_of_the_same_points_is_the_same() -> None:
    points = np.random.default_rng(0).normal(size=(12, 4))
    assert projection.plane(points, 1).tolist() == projection.plane(points, 1).tolist()
    assert projection.reduced(points).shape == (12, 4)
