"""Leaves of a script only what its constants can reach, so that a person reads what one run did and nothing else."""

from __future__ import annotations

import ast
import pprint
import re
from collections.abc import Mapping
from typing import Any

WIDTH = 118
PLACE = "RUN: dict[str, Any] = {}  # filled in by the export\n"


def specialised(source: str, run: Mapping[str, Any]) -> str:
    """`source` with RUN filled in; every `if` that RUN alone decides is decided, and what nothing uses then is gone.

    The rest, comments included, stays as it was written. No comment may stand on a line of its own before `else`.
    """
    while (found := _decided(source, run)) is not None:
        source = found
    while (found := _without_unused(source)) is not None:
        source = found
    used = {name: value for name, value in run.items() if f'RUN["{name}"]' in source or f"RUN['{name}']" in source}
    source = source.replace(PLACE, f"RUN: dict[str, Any] = {{\n{_packed(used)}}}\n")
    return re.sub(r"# --- .* ---\n+(?=# --- )", "", source)


def _packed(values: Mapping[str, Any]) -> str:
    """The inside of a dict display, as few lines as fit; what is longer than a line has lines of its own."""
    lines = [""]
    for name, value in values.items():
        entry = f"{name!r}: {pprint.pformat(value, width=WIDTH - len(name) - 8, compact=True, sort_dicts=False)},"
        entry = entry.replace("\n", "\n" + " " * (len(name) + 8))
        if lines[-1] and len(lines[-1]) + len(entry) >= WIDTH or "\n" in entry:
            lines.append("")
        lines[-1] += f"{' ' if lines[-1] else '    '}{entry}"
    return "".join(f"{line}\n" for line in lines if line)


def _decided(source: str, run: Mapping[str, Any]) -> str | None:
    """`source` after the first `if` that can be decided, or None when there is none."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.If) or (answer := _answer(node.test, run)) is None:
            continue
        lines = source.splitlines(keepends=True)
        first, middle, last = node.lineno - 1, node.body[-1].end_lineno or 0, node.end_lineno or 0
        head, body, others = lines[first], lines[first + 1 : middle], lines[middle:last]
        depth = head[: len(head) - len(head.lstrip())]
        if head.startswith(f"{depth}elif"):
            chosen = [f"{depth}else:\n", *body] if answer else others
        elif not answer and others and others[0].startswith(f"{depth}elif"):
            chosen = [others[0].replace("elif", "if", 1), *others[1:]]
        else:
            chosen = [line.removeprefix("    ") for line in (body if answer else others[1:])]
        return "".join([*lines[:first], *chosen, *lines[last:]])
    return None


def _answer(test: ast.expr, run: Mapping[str, Any]) -> bool | None:
    """What RUN alone says to `test`: RUN[name], `not` that, or RUN[name] compared with one constant or several."""
    match test:
        case ast.UnaryOp(ast.Not(), operand):
            answer = _answer(operand, run)
            return None if answer is None else not answer
        case ast.Subscript(ast.Name("RUN"), ast.Constant(str(name))):
            return bool(run[name])
        case ast.Compare(ast.Subscript(ast.Name("RUN"), ast.Constant(str(name))), [compared], [other]):
            value = ast.literal_eval(other)
            match compared:
                case ast.Eq():
                    return bool(run[name] == value)
                case ast.NotEq():
                    return bool(run[name] != value)
                case ast.In():
                    return run[name] in value
    return None


def _without_unused(source: str) -> str | None:
    """`source` less the first imports, function or class at its top level that nothing else names, or None."""
    tree, lines = ast.parse(source), source.splitlines(keepends=True)
    for node in tree.body:
        match node:
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names = [alias.asname or alias.name for alias in aliases]
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names = [name]
            case _:
                continue
        others = (part for other in tree.body if other is not node for part in ast.walk(other))
        used = {part.id for part in others if isinstance(part, ast.Name)}
        kept = [name for name in names if name in used]
        if len(kept) == len(names):
            continue
        first = min([node.lineno, *(line.lineno for line in getattr(node, "decorator_list", []))]) - 1
        last = node.end_lineno or 0
        while not isinstance(node, ast.Import | ast.ImportFrom) and last < len(lines) and not lines[last].strip():
            last += 1
        shorter = f"from {node.module} import {', '.join(kept)}\n" if kept and isinstance(node, ast.ImportFrom) else ""
        return "".join([*lines[:first], shorter, *lines[last:]])
    return None
