"""The shapes in which programs write a table as one JSON value: a list of rows, columns, or parts of the data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from engines.cancellation import cancellation_point
from engines.contract import Json
from engines.data.parts import part_of
from engines.messages import _

COCO = {"images", "annotations", "categories"}
CHOICES = {"choices", "rating", "labels", "rectanglelabels", "polygonlabels", "brushlabels", "text"}
"""Where Label Studio keeps what was chosen, or written."""
UPLOADED = re.compile(r"^[0-9a-f]{8}-")
"""What it puts before the name of a file that is uploaded."""


def records(value: Json) -> list[Any]:
    """The rows of one JSON value. Raises ValueError that says what is wrong, in words.

    A list is one; of an object it is the list that it wraps ({"data": […]}), its columns side by side (as `to_json` of
    pandas writes them, by name or as lists), rows by their name, or the lists of several parts ({"train": […], "test":
    […]}), which then say so in 'split'. Any other object is one row.
    """
    if isinstance(value, list):
        return [_annotated(row) if _is_annotated(row) else row for row in value]
    if not isinstance(value, dict):
        raise ValueError(_("it holds a single value"))
    if isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):  # orient="split"
        return [dict(zip_longest(map(str, value["columns"]), row)) for row in value["data"] if isinstance(row, list)]
    if value.keys() >= COCO and all(isinstance(value[name], list) for name in COCO):
        return _of_coco(value)
    lists = {name: entry for name, entry in value.items() if isinstance(entry, list)}
    of_rows = {name: entry for name, entry in lists.items() if entry and all(isinstance(row, dict) for row in entry)}
    if len(of_rows) > 1 and all(map(part_of, of_rows)):
        return [{**row, "split": part_of(name)} for name, rows in of_rows.items() for row in rows]
    if len(of_rows) > 1:
        told = ", ".join(f"'{name}'" for name in list(of_rows)[:6])
        raise ValueError(_("it holds {of_rows:,} lists of objects ({told})", of_rows=len(of_rows), told=told))
    if of_rows:
        return next(iter(of_rows.values()))
    if len(lists) == 1:
        return next(iter(lists.values()))
    return _by_columns(value) or _by_rows(value) or [value]


def _of_coco(value: dict[str, Any]) -> list[dict[str, Any]]:
    """A row a picture of COCO's annotations: its file, and the names of the categories of what is on it."""
    names = {one.get("id"): one.get("name") for one in value["categories"] if isinstance(one, dict)}
    on: dict[Any, list[Any]] = {}
    for one in value["annotations"]:
        if isinstance(one, dict):
            on.setdefault(one.get("image_id"), []).append(names.get(one.get("category_id")))
    return [
        {"file_name": image.get("file_name"), "label": list(dict.fromkeys(on.get(image.get("id"), [])))}
        for image in value["images"]
        if isinstance(image, dict)
    ]


def _is_annotated(row: Any) -> bool:
    """Whether it is a task as Label Studio exports it."""
    return isinstance(row, dict) and isinstance(row.get("data"), dict) and isinstance(row.get("annotations"), list)


def _annotated(row: dict[str, Any]) -> dict[str, Any]:
    """The task's data, and what annotators chose of it, under the name that the choice has there; a list where they
    chose several, or not all the same."""
    chosen: dict[str, list[Any]] = {}
    for annotation in row["annotations"]:
        if not isinstance(annotation, dict) or annotation.get("was_cancelled"):
            continue
        for one in annotation.get("result") or []:
            value = one.get("value") if isinstance(one, dict) else None
            if not isinstance(value, dict):
                continue
            for kind in sorted(CHOICES & value.keys()):
                said = value[kind] if isinstance(value[kind], list) else [value[kind]]
                chosen.setdefault(str(one.get("from_name") or kind), []).extend(said)
    named = {name: list(dict.fromkeys(map(str, said))) for name, said in chosen.items()}
    return {**row["data"], **{name: said[0] if len(said) == 1 else said for name, said in named.items()}}


def in_sequence(text: str) -> Iterator[Any]:
    """The values of a text that holds one after another, with commas or without, as when objects are written over
    several lines each. Raises ValueError where one is no JSON."""
    decoder, at = json.JSONDecoder(), 0
    while True:
        cancellation_point()
        while at < len(text) and text[at] in ", \t\r\n\ufeff":
            at += 1
        if at == len(text):
            return
        value, at = decoder.raw_decode(text, at)
        yield value


def _by_columns(value: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of {"text": {"0": …, "1": …}, "label": {…}} or {"text": […], "label": […]}; none for another shape."""
    if len(value) < 2:
        return []
    if all(isinstance(column, list) for column in value.values()):
        if len(set(map(len, value.values()))) > 1 or not all(value.values()):
            return []
        return [dict(zip(value, cells, strict=True)) for cells in zip(*value.values(), strict=True)]
    if not all(isinstance(column, dict) and column for column in value.values()):
        return []
    columns: list[dict[str, Any]] = list(value.values())
    keys = list(columns[0])
    nested = any(isinstance(cell, dict) for column in columns for cell in column.values())
    if nested or any(column.keys() != columns[0].keys() for column in columns) or not all(map(_counts, keys)):
        return []
    return [{name: column[key] for name, column in value.items()} for key in keys]


def _by_rows(value: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of {"0": {"text": …, "label": …}, "1": {…}}; none for another shape."""
    rows = list(value.values())
    if len(rows) < 2 or not all(isinstance(row, dict) and row.keys() == rows[0].keys() for row in rows):
        return []
    return rows


def _counts(key: str) -> bool:
    return key.lstrip("-").isdecimal()
