"""The files of several sites, read and checked against each other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engines.contract import InputError, Problem
from engines.data.class_names import as_known
from engines.federated import files
from engines.federated.site_file import Site, read
from engines.federated.statistics import ClassStatistics, together
from engines.messages import _


def read_all(paths: Sequence[Path]) -> tuple[list[Site], list[str]]:
    """The sites in the files, their classes by one name each, and what to say of them.

    Raises InputError with a sentence a problem: fewer than two sites, one of them twice, or sites of another task,
    backbone, input or kind than the first, or with a class whose name another one writes otherwise; of masked ones also
    those of another agreement, and who is missing."""
    sites = files.each(paths, read)
    first, problems = sites[0], list[Problem]()
    for number, site in enumerate(sites):
        problems += _differences(first, site) if number else ()
        problems += files.twice(site, sites[:number], _is_twin)
    if first.manifest.masks and not problems:
        problems += _missing(sites)
    if problems:
        raise InputError(*problems)
    return (sites, []) if first.manifest.masks else _named_alike(sites)


def task_of(path: Path) -> str:
    """The task that a file's manifest names, whatever is wrong with the rest; '' for a file that is none."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return str(json.loads(bytes(np.asarray(arrays["manifest"], dtype=np.uint8)))["task"])
    except Exception:  # whatever a library makes of bytes that are none of its own
        return ""


def _is_twin(one: Site, other: Site) -> bool:
    if one.manifest.masks and other.manifest.masks and one.manifest.masks["site"] == other.manifest.masks["site"]:
        return True
    return one.manifest.site == other.manifest.site or one.digest == other.digest


def _missing(sites: Sequence[Site]) -> list[Problem]:
    """A sentence for each site that masks need and that is not there."""
    here = {site.manifest.masks["site"] for site in sites if site.manifest.masks}
    everybody = (sites[0].manifest.masks or {}).get("sites", [])
    accepted = _("accepted: the files of all {n} sites, or the masks stay on", n=len(everybody))
    return [
        Problem(_("the sites"), _("the file of {name!r} is missing", name=name), accepted)
        for name in everybody
        if name not in here
    ]


def _differences(first: Site, site: Site) -> list[Problem]:
    """A sentence for each way in which a site does not go with the first."""
    called = {
        "task": _("the task"),
        "model": _("the model"),
        "backbone": _("the backbone's weights"),
        "input": _("how examples become inputs"),
        "width": _("the number of features"),
        "kind": _("the kind of sums (scatter or means)"),
    }
    return files.differences(first, site, called) or _other_masks(first, site)


def _other_masks(first: Site, site: Site) -> list[Problem]:
    own, theirs = site.manifest.masks, first.manifest.masks
    accepted = _("accepted: as in {name}", name=first.name)
    if (own is None) != (theirs is None):
        found = _("its sums are masked, and others are not") if own else _("its sums are not masked, and others are")
        return [Problem(site.name, found, accepted)]
    if (
        own
        and theirs
        and (own["agreement"], own["sites"], site.classes) != (theirs["agreement"], theirs["sites"], first.classes)
    ):
        return [Problem(site.name, _("its masks are of another agreement"), accepted)]
    return []


def _named_alike(sites: Sequence[Site]) -> tuple[list[Site], list[str]]:
    """Classes that mean the same under one name ('1.0' is '1', 'True' is 'true'). Raises InputError for names that
    differ in capital letters alone: whether these are one class only the sites know."""
    renamed: dict[str, str] = {}
    named: list[Site] = []
    for site in sites:
        known = {name for one in named for name in one.known}
        ways = as_known(site.known, known)
        renamed |= ways
        parts: dict[str, list[ClassStatistics]] = {}
        for name, own in site.known.items():
            parts.setdefault(ways.get(name, name), []).append(own)
        named.append(Site(site.name, site.manifest, {name: together(own) for name, own in parts.items()}))
    first_of: dict[str, str] = {}
    problems = []
    for site in named:
        for name in site.known:
            other = first_of.setdefault(name.casefold(), name)
            if other != name:
                found = _("its class {name!r} is {other!r} elsewhere", name=name, other=other)
                problems.append(Problem(site.name, found, _("accepted: one name for one class at every site")))
    if problems:
        raise InputError(*problems)
    notes = [
        _("The class {name!r} is called {other!r} here: they mean the same.", name=name, other=other)
        for name, other in sorted(renamed.items())
    ]
    return named, notes
