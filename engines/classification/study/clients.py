"""A study divided among several sites, as data lie that nobody may bring together."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from engines.contract import InputError, Problem, Study
from engines.messages import _, _n

DRAWS = 200


class DividedStudy(Study):
    """A study of labelled examples, which several sites may have a part each of."""

    def clients(self, n: int, alpha: float, seed: int, *, by: str = "class") -> list[Study]:
        return of(self, n, alpha, seed, by)


def divide(labels: np.ndarray, groups: Sequence[str], n: int, alpha: float, seed: int) -> list[np.ndarray]:
    """Positions, int64 sorted, of the examples of each of `n` sites; every site has one at least.

    The share of a class that a site has is drawn from a Dirichlet distribution (Hsu, Qi & Brown 2019, 'Measuring the
    effects of non-identical data distribution for federated visual classification'): with alpha 100 sites are nearly
    alike, with .1 a class is at one or two of them. Examples of one group stay together and count for their first one's
    class. labels: int (N,). Raises InputError where so many sites cannot each have an example.
    """
    group_of: dict[str, list[int]] = {}
    for position, group in enumerate(groups):
        group_of.setdefault(group, []).append(position)
    accepted = _("accepted: fewer sites, more examples, or data that are more alike")
    if not alpha > 0 or n < 1:
        found = _("found {sites} sites and α = {alpha:g}", sites=n, alpha=alpha)
        raise InputError(Problem(_("the division"), found, _("accepted: 1 site or more, and an α above 0")))
    if len(group_of) >= n:
        rng = np.random.default_rng([seed, n])
        for _unused in range(DRAWS):
            parts = _drawn(labels, list(group_of.values()), n, alpha, rng)
            if all(parts):
                return [np.sort(np.array(part, dtype=np.int64)) for part in parts]
    found = _("{examples:,} examples cannot be divided among {sites} sites", examples=len(labels), sites=n)
    raise InputError(Problem(_("the division"), found, accepted))


def _drawn(
    labels: np.ndarray, groups: list[list[int]], n: int, alpha: float, rng: np.random.Generator
) -> list[list[int]]:
    parts: list[list[int]] = [[] for _unused in range(n)]
    classes = np.array([labels[group[0]] for group in groups])
    for label in np.unique(classes):
        own = rng.permutation(np.flatnonzero(classes == label))
        shares = rng.dirichlet(np.full(n, alpha))
        cuts = np.round(np.cumsum(shares)[:-1] * len(own)).astype(int)
        for part, chosen in zip(parts, np.split(own, cuts), strict=True):
            part.extend(position for group in chosen for position in groups[group])
    return parts


def divide_by_owner(owners: Sequence[str], n: int, seed: int) -> list[np.ndarray]:
    """Positions, int64 sorted, of the examples of each of `n` sites: each owner's are at one of them, drawn one after
    another to whoever has the fewest examples. An example of nobody ('') stands for itself. Raises InputError where
    there are fewer owners than sites."""
    belongings: dict[str, list[int]] = {}
    for position, owner in enumerate(owners):
        belongings.setdefault(owner or f"of nobody {position}", []).append(position)
    known = len(set(owners) - {""})
    if known < n:
        found = _n(
            "the data name {n} patient or speaker to divide by",
            "the data name {n} patients or speakers to divide by",
            known,
        )
        accepted = _("accepted: one a site at least ({sites}), or --by class", sites=n)
        raise InputError(Problem(_("the division"), found, accepted))
    drawn = [list(belongings.values())[i] for i in np.random.default_rng([seed, n]).permutation(len(belongings))]
    parts: list[list[int]] = [[] for _unused in range(n)]
    for own in drawn:
        min(parts, key=len).extend(own)
    return [np.sort(np.array(part, dtype=np.int64)) for part in parts]


def of(study: Any, n: int, alpha: float, seed: int, by: str = "class") -> list[Any]:
    """The study of each site: a part of all that may be learnt from, none of it held out, and the same test."""
    learnable, names, owners = study.learnable, study.prepared.groups, study.prepared.owners
    if by == "group":
        divided = divide_by_owner([owners[i] for i in learnable], n, seed)
    else:
        divided = divide(study.may_be_learnt.labels.numpy(), [names[i] for i in learnable], n, alpha, seed)
    found = []
    for part in divided:
        one = copy.copy(study)
        for known in ("learnable", "may_be_learnt", "sizes"):
            one.__dict__.pop(known, None)  # what was worked out of all the data
        parts = study.prepared.parts | {"train": learnable[part], "validation": learnable[:0]}
        one.prepared = replace(study.prepared, parts=parts, folds=[])
        found.append(one)
    return found
