"""Leaves of a script only what its constants can reach, so that a person reads what one run did and nothing else."""

from __future__ import annotations

import ast
import importlib.util
import pprint
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

WIDTH = 118
PLACE = "RUN: dict[str, Any] = {}  # filled in by the export\n"
PARTS = ("engines.exports.script_parts", "engines.exports.usage_parts")
"""Modules whose code takes the place of a template's import of it."""


def specialised(source: str, run: Mapping[str, Any], parts: Sequence[str] = PARTS) -> str:
    """`source` with RUN filled in; every `if` that RUN alone decides is decided, and what nothing uses then is gone.

    What it imports of the modules `parts` stands in it then. The rest, comments included, stays as it was written. No
    comment may stand on a line of its own before `else`. What RUN does not hold is off.
    """
    while (found := _with_part(source, parts)) is not None:
        source = found
    while (found := _decided(source, run)) is not None:
        source = found
    source = without_unused(source)
    used = {name: value for name, value in run.items() if f'RUN["{name}"]' in source or f"RUN['{name}']" in source}
    source = source.replace(PLACE, f"RUN: dict[str, Any] = {{\n{_packed(used)}}}\n")
    return re.sub(r"# --- .* ---\n+(?=# --- )", "", source)


def without_unused(source: str) -> str:
    """`source` less what nothing in it uses."""
    while (found := _without_unused(source)) is not None:
        source = found
    return source


def _with_part(source: str, parts: Sequence[str]) -> str | None:
    """`source` with the code of a module in the place of what it imports of that, and the imports of both; None where
    it imports of none of `parts`, which stand in the order in which they need each other. What such a module says at
    its own top stays behind."""
    head, imports, rest = _opened(source)
    named = {node.module: node for node in imports if isinstance(node, ast.ImportFrom)}
    of_part = next((named[module] for module in parts if module in named), None)
    if of_part is None:
        return None
    asked = f"\n{[alias.name for alias in of_part.names]}".replace("'", "")
    needed = _code_of(str(of_part.module)) + asked
    while (found := _without_unused(needed)) is not None:
        needed = found
    _, further, shared = _opened(needed.removesuffix(asked))
    imports = [node for node in (*imports, *further) if node is not of_part]
    return f"{head}{_merged(imports)}\n{shared.strip()}\n\n\n{rest.lstrip()}"


def _code_of(module: str) -> str:
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    code = Path(spec.origin).read_text(encoding="utf-8")
    return code if module in PARTS else re.sub(r"^# --- .*\n+", "", code, flags=re.MULTILINE)


def _opened(source: str) -> tuple[str, list[ast.stmt], str]:
    """What stands above the first imports, these, and what stands below them; without any, the text at its top and what
    stands below that."""
    body, lines = ast.parse(source).body, source.splitlines(keepends=True)
    first = next((i for i, node in enumerate(body) if isinstance(node, ast.Import | ast.ImportFrom)), len(body))
    imports = list(takewhile(lambda node: isinstance(node, ast.Import | ast.ImportFrom), body[first:]))
    if not imports:
        top = body[0].end_lineno or 0 if body and ast.get_docstring(ast.parse(source)) is not None else 0
        return "".join(lines[:top]), [], "".join(lines[top:])
    return "".join(lines[: imports[0].lineno - 1]), imports, "".join(lines[imports[-1].end_lineno :])


def _merged(imports: list[ast.stmt]) -> str:
    """The imports as isort writes them: the standard library's first, `import` before `from`, each name once."""
    names: dict[tuple[bool, bool, str], set[str]] = {}
    for node in imports:
        for alias in node.names if isinstance(node, ast.Import | ast.ImportFrom) else ():
            module = (isinstance(node, ast.ImportFrom) and node.module) or alias.name
            key = module.partition(".")[0] not in sys.stdlib_module_names, isinstance(node, ast.ImportFrom), module
            names.setdefault(key, set()).add(ast.unparse(alias))
    lines = ["", ""]
    for (foreign, named, module), own in sorted(names.items()):
        listed = sorted(own, key=lambda name: (name[0].islower(), name))
        line = f"from {module} import {', '.join(listed)}\n" if named else f"import {listed[0]}\n"
        lines[foreign] += line
    return "\n".join(filter(None, lines))


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
            return bool(run.get(name))
        case ast.Compare(ast.Subscript(ast.Name("RUN"), ast.Constant(str(name))), [compared], [other]):
            value = ast.literal_eval(other)
            match compared:
                case ast.Eq():
                    return bool(run.get(name) == value)
                case ast.NotEq():
                    return bool(run.get(name) != value)
                case ast.In():
                    return run.get(name) in value
    return None


def _without_unused(source: str) -> str | None:
    """`source` less the first import, constant, function or class at its top level that nothing else names, or None."""
    tree, lines = ast.parse(source), source.splitlines(keepends=True)
    named = [{part.id for part in ast.walk(node) if isinstance(part, ast.Name)} for node in tree.body]
    places = Counter(name for names in named for name in names)
    for node, own, behind in zip(tree.body, named, [*tree.body[1:], None], strict=True):
        names = _names_of(node)
        kept = [name for name in names if places[name] > (name in own)]
        if len(kept) == len(names) or kept and not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        first = min([node.lineno, *(line.lineno for line in getattr(node, "decorator_list", []))]) - 1
        last = (behind if _says_what_it_is(node, behind) else node).end_lineno or 0  # type: ignore[union-attr]
        alone = not isinstance(node, ast.Import | ast.ImportFrom) and not (first and lines[first - 1].strip())
        while alone and last < len(lines) and not lines[last].strip():
            last += 1
        shorter = f"from {node.module} import {', '.join(kept)}\n" if kept and isinstance(node, ast.ImportFrom) else ""
        return "".join([*lines[:first], shorter, *lines[last:]])
    return None


def _names_of(node: ast.stmt) -> list[str]:
    """What a statement gives a name to."""
    match node:
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return [alias.asname or alias.name for alias in aliases]
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=[ast.Name(name)]) | ast.AnnAssign(target=ast.Name(name)):
            return [name]
        case ast.Assign(targets=[ast.Tuple(elts)]):
            return [part.id for part in elts if isinstance(part, ast.Name)]
    return []


def _says_what_it_is(node: ast.stmt, behind: ast.stmt | None) -> bool:
    """Whether `behind` is the text that stands below a constant."""
    is_text = (
        isinstance(behind, ast.Expr) and isinstance(behind.value, ast.Constant) and isinstance(behind.value.value, str)
    )
    return isinstance(node, ast.Assign | ast.AnnAssign) and is_text
