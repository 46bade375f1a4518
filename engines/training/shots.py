"""A few examples a class to learn from, drawn by the seed; all others are the test. Light."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engines.contract import setting
from engines.messages import _

Parts = dict[str, np.ndarray]
"""'train', 'validation', 'test' -> positions int64 (N,)."""


def shots_setting() -> Any:
    return setting(
        0,
        _("Learn from so many examples a class, drawn by the seed, and test on all others; 0: from the usual share"),
        title=_("Examples a class"),
        group="data",
        low=0,
        high=1000,
    )


def drawn(
    parts: Parts, labels: np.ndarray, groups: Sequence[str], shots: int, seed: int, *, own_test: bool, unit: str
) -> tuple[Parts, str]:
    """`shots` positions of each class to train on, none to choose by, and what is tested on; and that in a sentence.

    `labels` int64 (N,) and `groups` are of all examples; of one group, such as exact copies, one is drawn and none is
    tested on. A class keeps one group to be tested on where it has two or more. With `own_test` the test part stays as
    it is, and what is not drawn is left out.
    """
    pool = np.sort(np.concatenate([parts["train"], parts["validation"], *([] if own_test else [parts["test"]])]))
    chance, chosen, short = np.random.default_rng(seed), [], 0
    for label in np.unique(labels[pool]):
        own = pool[labels[pool] == label]
        firsts = own[np.sort(np.unique([groups[i] for i in own], return_index=True)[1])]
        most = len(firsts) if own_test else max(1, len(firsts) - 1)
        chosen += chance.permutation(firsts)[: min(shots, most)].tolist()
        short += most < shots
    train = np.sort(np.array(chosen, dtype=np.int64))
    known = {groups[i] for i in train}
    rest = np.array([i for i in pool if groups[i] not in known], dtype=np.int64)
    test = parts["test"] if own_test else rest
    said = _("{shots} {unit} of each class are learnt from, drawn with seed {seed}", shots=shots, unit=unit, seed=seed)
    said += _(" (all but one of each of {short:,} smaller classes)", short=short) if short and not own_test else ""
    said += (
        _(": the {rest:,} others are left out.", rest=len(rest))
        if own_test
        else _(": the {rest:,} others are the test.", rest=len(rest))
    )
    return {"train": train, "validation": pool[:0], "test": test}, said


def counted(
    parts: Sequence[str],
    labels: Sequence[str],
    classes: Sequence[str],
    groups: Sequence[str],
    shots: int,
    seed: int,
    *,
    own_test: bool,
    unit: str,
) -> tuple[dict[str, int], list[str]]:
    """What a check says of the parts of examples: how many there are of each, and notes. An entry an example of each
    of the first two and of `groups`; with `shots` 0 the parts are as they are."""
    where, said = np.array(parts), []
    found = {part: np.flatnonzero(where == part) for part in ("train", "validation", "test")}
    if shots:
        place = {name: number for number, name in enumerate(classes)}
        numbers = np.array([place.get(label, -1) for label in labels])
        found, note = drawn(found, numbers, groups, shots, seed, own_test=own_test, unit=unit)
        said = [note]
    return {part: len(at) for part, at in found.items()}, said
