"""Which examples train, which validate and which test: stratified, seeded, and without leaks."""

from __future__ import annotations

import math
import zlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Literal

import numpy as np

from engines.messages import _

Part = Literal["train", "validation", "test"]


def split(labels: Sequence[str], groups: Sequence[str], *, validation: float, test: float, seed: int) -> list[Part]:
    """A part for each example, in the order given.

    `labels` and `groups` have one entry an example; examples of one group (exact duplicates, say) stay together.
    `validation` and `test` are shares of each class, 0 or more and below 1 together; 0 leaves that part empty.

    The draw is made class by class and depends on the seed, the class's name and its groups' names alone, so neither
    the order of the examples nor another class changes it. Shares are rounded to whole examples. A class with one
    group trains only; with two, one trains and one tests (or validates, where no test is asked for); with three or
    more, every part asked for gets at least one group. Large groups are left to training, so that a photograph that
    was copied fifty times does not become the test. A group that carries several labels counts for its commonest.

    Raises ValueError for shares out of range or lists of different lengths.
    """
    if len(labels) != len(groups):
        raise ValueError(_("{labels} labels but {groups} groups", labels=len(labels), groups=len(groups)))
    if validation < 0 or test < 0 or validation + test >= 1:
        raise ValueError(
            _(
                "validation {validation} and test {test} must be 0 or more and below 1 together",
                validation=validation,
                test=test,
            )
        )
    part_of: dict[str, Part] = {}
    for label, sizes in _classes(labels, groups).items():
        part_of.update(_draw(sizes, validation, test, np.random.default_rng([seed, zlib.crc32(label.encode())])))
    return [part_of[group] for group in groups]


def complete(
    given: Sequence[str | None],
    labels: Sequence[str],
    groups: Sequence[str],
    *,
    validation: float,
    test: float,
    seed: int,
) -> list[Part]:
    """Like `split`, where the data say themselves what some examples are for.

    `given` holds 'train', 'validation', 'test' or None. Examples given to validation or test stay there; a part that
    nobody was given to is drawn from the rest. Keeping duplicates apart across given parts is the caller's affair.
    """
    rest = [index for index, part in enumerate(given) if part not in ("validation", "test")]
    rest_parts = split(
        [labels[index] for index in rest],
        [groups[index] for index in rest],
        validation=0.0 if "validation" in given else validation,
        test=0.0 if "test" in given else test,
        seed=seed,
    )
    parts: list[Part] = ["test" if part == "test" else "validation" for part in given]
    for index, part in zip(rest, rest_parts, strict=True):
        parts[index] = part
    return parts


def _classes(labels: Sequence[str], groups: Sequence[str]) -> dict[str, dict[str, int]]:
    """Class -> its groups -> examples in the group."""
    labels_of: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for label, group in zip(labels, groups, strict=True):
        labels_of[group][label] += 1
    classes: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for group, counts in labels_of.items():
        commonest = min(counts, key=lambda label: (-counts[label], label))
        classes[commonest][group] = counts.total()
    return classes


def _draw(sizes: dict[str, int], validation: float, test: float, rng: np.random.Generator) -> dict[str, Part]:
    names = sorted(sizes)
    shuffled = [names[index] for index in rng.permutation(len(names))]
    left = sorted(shuffled, key=sizes.__getitem__)  # stable: among groups of one size the order stays random
    wanted_test, wanted_validation = _wanted(sum(sizes.values()), len(names), validation, test)
    parts: dict[str, Part] = {}
    reserve = 1 + (wanted_validation > 0)  # groups that later parts need
    for group in _take(left, sizes, wanted_test, len(left) - reserve):
        parts[group] = "test"
    left = [group for group in left if group not in parts]
    for group in _take(left, sizes, wanted_validation, len(left) - 1):
        parts[group] = "validation"
    return {group: parts.get(group, "train") for group in names}


def _wanted(n: int, n_groups: int, validation: float, test: float) -> tuple[int, int]:
    """Examples that should test and validate, out of `n` in `n_groups` groups of one class."""
    if n_groups < 2:
        return 0, 0
    wanted_test = max(1, math.floor(test * n + 0.5)) if test else 0
    wanted_validation = 0
    if validation and (n_groups > 2 or not test):
        wanted_validation = max(1, math.floor(validation * n + 0.5))
    while wanted_test + wanted_validation >= n:
        if wanted_test > wanted_validation:
            wanted_test -= 1
        else:
            wanted_validation -= 1
    return wanted_test, wanted_validation


def _take(left: list[str], sizes: dict[str, int], wanted: int, most: int) -> list[str]:
    """The first groups of `left` that together hold about `wanted` examples: one at least, `most` groups at most."""
    taken: list[str] = []
    count = 0
    for group in left[:most] if wanted else []:
        if taken and count + sizes[group] > wanted:
            break
        taken.append(group)
        count += sizes[group]
    return taken
