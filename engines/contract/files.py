"""What every JSON file of a run folder shares: the number of its schema, and what is said of a newer one."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from engines import messages
from engines.contract.errors import InputError, Problem
from engines.messages import _

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SCHEMA = 3
"""Raised with every change of recipe.json or result.json. A file without a number was written before version 0.2: 1."""


def fields_of(kind: type, text: str, name: str) -> dict[str, Any]:
    """The values in the file `name`, each a field of the dataclass `kind`.

    Raises InputError where it holds a field that this version does not know: a newer one has written it.
    """
    try:
        values = messages.read(json.loads(text))
    except ValueError:
        values = None
    if not isinstance(values, dict):
        found = _("it is cut short or damaged")
        raise InputError(Problem(name, found, _("accepted: the file as Headstart has written it, from a copy")))
    schema = values.pop("schema", 1)
    unknown = sorted(set(values) - {field.name for field in dataclasses.fields(kind)})
    if unknown:
        found = _(
            "a newer Headstart has written it (schema {schema}, with {unknown})",
            schema=schema,
            unknown=", ".join(unknown),
        )
        raise InputError(
            Problem(
                name, found, _("accepted: schema {schema} or older; bring this Headstart up to date", schema=SCHEMA)
            )
        )
    return values


def written(value: DataclassInstance, indent: int | None) -> str:
    """A dataclass as JSON, with the number of the schema."""
    return json.dumps(messages.kept({"schema": SCHEMA, **dataclasses.asdict(value)}), indent=indent, ensure_ascii=False)
