"""Labels as they are given: each an event of a data set made in the app, which is begun with the first of them."""

from __future__ import annotations

from collections.abc import Sequence

from engines.datasets.folder import DatasetFolder, New
from ui.page import visitor
from ui.unlabelled import desk as desks
from ui.unlabelled.desk import Desk
from ui.unlabelled.found import Found

KINDS = ("pictures", "texts", "sounds")
"""What has classes: series have none."""


def dataset(desk: Desk, found: Found) -> DatasetFolder:
    """The data set of the labels, made and put into the address where there is none."""
    if desk.dataset is not None:
        return desk.dataset
    made = DatasetFolder.create(found.kind, f"{desk.title}, labelled", visitor.require())
    desks.put(dataset=made.id)
    return made


def name(desk: Desk, found: Found, positions: Sequence[int], label: str) -> int:
    """Names these examples, one step to undo; those that have another label or are left out keep it. Returns how many
    were named. Raises InputError."""
    into = dataset(desk, found)
    state, out = into.state(), desk.left_out
    named = {item.id for item in state.labelled}
    there = {item.id for item in state.items}
    open_ = {found.ids[i]: i for i in positions if found.ids[i] not in named | out}
    if inside := [own for own in open_ if own in there]:
        into.label(inside, label)
    if fresh := [New(found.content(i), found.name(i), label) for own, i in open_.items() if own not in there]:
        into.add_all(fresh)
    return len(open_)


def change(desk: Desk, found: Found, position: int, label: str) -> None:
    """Names one example, whatever it was called before."""
    into, own = dataset(desk, found), found.ids[position]
    if any(item.id == own for item in into.state().items):
        into.label([own], label)
    else:
        into.add(found.content(position), found.name(position), label)
