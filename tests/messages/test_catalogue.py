"""engines/locale/headstart.pot is what the code says today, and each template can be filled in and translated."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from scripts import messages
from tests.messages.sources import ROOT, calls, parsed, sources


def test_the_catalogue_is_what_the_code_says() -> None:
    now = messages.written(messages.collected())
    assert messages.POT.read_text(encoding="utf-8") == now, "run `make messages`"


def templates(call: ast.Call) -> list[ast.expr]:
    return call.args[: 1 if isinstance(call.func, ast.Name) and call.func.id == "_" else 2]


def wrong(tree: ast.Module) -> Iterator[str]:
    """One sentence for each call of `_` or `_n` that could not be translated or filled in."""
    for call in calls(tree, "_", "_n"):
        at = f"line {call.lineno}"
        texts = [
            node.value for node in templates(call) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        if len(texts) != len(templates(call)):
            yield f"{at}: a template is one literal, or nothing collects it"
            continue
        given = {keyword.arg for keyword in call.keywords} | ({"n"} if len(texts) == 2 else set())
        if None in given:
            continue  # **values
        if not given:
            continue  # a text as it stands
        asked = {name for text in texts for name in messages.fields(text)} - {"n"}
        if asked != given - {"n"}:
            yield f"{at}: the fields are {sorted(asked)}, the values {sorted(map(str, given - {'n'}))}"


def test_every_template_is_a_literal_whose_fields_are_given() -> None:
    found = {str(file.relative_to(ROOT)): list(wrong(parsed(file))) for file in sources()}
    assert {file: said for file, said in found.items() if said} == {}


def test_the_rule_can_fail() -> None:
    wrong_ones = "_(f'a {b}')\n_('a ' + b)\n_('a {b}', c=1)\n_n('{n} a', b, 2)\n"
    right_ones = "_('a {b}', b=1)\n_n('a', '{n} b', 2)\n_('x', **b)\n_('{\"a\": 1}')\n_('{b:.{c}f}', b=1, c=2)"
    assert list(wrong(ast.parse(wrong_ones + right_ones))) == [
        "line 1: a template is one literal, or nothing collects it",
        "line 2: a template is one literal, or nothing collects it",
        "line 3: the fields are ['b'], the values ['c']",
        "line 4: a template is one literal, or nothing collects it",
    ]


def test_collecting_finds_plurals_and_what_cards_say(tmp_path: Path) -> None:
    for folder in ("engines/x", "ui", "pages", "templates"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "app.py").write_text('_("Runs" " here")\n_n("{n} run", "{n} runs", 3)\nother("no message")\n')
    (tmp_path / "engines/x/catalogue.json").write_text('[{"name": "m", "source": "Somebody", "input": "95 % of it"}]')
    found = messages.written(messages.collected(tmp_path))
    assert found.removeprefix(messages.HEADER) == (
        '#: engines/x/catalogue.json\nmsgid "95 % of it"\nmsgstr ""\n\n'
        '#: app.py\nmsgid "Runs here"\nmsgstr ""\n\n'
        '#: engines/x/catalogue.json\nmsgid "Somebody"\nmsgstr ""\n\n'
        '#: app.py\n#, python-brace-format\nmsgid "{n} run"\nmsgid_plural "{n} runs"\nmsgstr[0] ""\nmsgstr[1] ""\n\n'
    )
