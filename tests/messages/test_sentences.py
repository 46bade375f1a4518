"""No sentence goes past the catalogue: in the places whose words people read, a literal stands within `_` or `_n`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.messages.sources import ROOT, parsed, sources

DRAWN = {
    *(
        "caption",
        "markdown",
        "title",
        "header",
        "subheader",
        "button",
        "toggle",
        "checkbox",
        "radio",
        "selectbox",
        "metric",
    ),
    *("multiselect", "text_input", "text_area", "number_input", "slider", "select_slider", "file_uploader", "expander"),
    *("popover", "success", "info", "warning", "error", "spinner", "toast", "segmented_control", "pills", "page_link"),
    *("download_button", "chat_input", "audio_input", "status", "card", "page", "calm", "section"),
}
"""Streamlit's and our own: their first argument is read."""
ARGUMENTS = {
    "Problem": (1, 2),
    "Skipped": (1,),
    "StrategyInfo": (1, 2, 3),
    "Metric": (1, 2),
    "DomainInfo": (0, 2),
    "setting": (1,),
    "refusal": (1, 2),
}
"""Name -> which of its arguments are read."""
KEYWORDS = {
    *("help", "description", "message", "question", "explain_question", "compare", "compare_help", "brought", "needs"),
    *("placeholder", "caption", "alt", "why", "found", "accepted", "reason", "low_reason", "high_reason", "goal"),
}
NOTES = re.compile(r"\b(notes|remarks|reasons)$")
SENTENCE = re.compile(r"[A-Za-z]{2,}[,;:.)]? +[A-Za-z(]{2,}")
MARKUP = re.compile(r":material/\w+:|:[a-z-]+\[|<[^<>]*>|`[^`]*`|%\{[^}]*\}")


def read(tree: ast.Module) -> Iterator[ast.expr]:
    """The expressions whose text people read."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        owner = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
        if name in DRAWN and owner not in {"words", "wording", "log", "logging"}:
            yield from call.args[:1]
        yield from (call.args[place] for place in ARGUMENTS.get(name, ()) if place < len(call.args))
        if name == "append" and NOTES.search(owner):
            yield from call.args
        yield from (keyword.value for keyword in call.keywords if keyword.arg in KEYWORDS)


def said(node: ast.AST) -> Iterator[tuple[int, str]]:
    """The literals of an expression that are no messages: line and text. What is compared or looked up is no text."""
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for value in (*([] if name in {"_", "_n"} else node.args), *(keyword.value for keyword in node.keywords)):
            yield from said(value)
    elif isinstance(node, ast.JoinedStr):
        text = "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        yield node.lineno, text
        for part in node.values:
            yield from said(part.value) if isinstance(part, ast.FormattedValue) else ()
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node.lineno, node.value
    elif isinstance(node, ast.IfExp):
        yield from (*said(node.body), *said(node.orelse))
    elif isinstance(node, ast.BinOp | ast.BoolOp | ast.Tuple | ast.List):
        for child in ast.iter_child_nodes(node):
            yield from said(child)


def unsaid(tree: ast.Module) -> list[str]:
    found = {(line, text) for node in read(tree) for line, text in said(node)}
    return [f"line {line}: {text}" for line, text in sorted(found) if SENTENCE.search(MARKUP.sub(" ", text))]


def test_no_sentence_goes_past_the_catalogue() -> None:
    found = {str(file.relative_to(ROOT)): unsaid(parsed(file)) for file in sources()}
    assert {file: lines for file, lines in found.items() if lines} == {}, (
        "write them as _('…'), then run `make messages`"
    )


def test_the_rule_can_fail() -> None:
    code = """
st.caption("Nothing has learnt yet.")
st.caption(_("Nothing has learnt yet."))
column.metric("Real steps", f"{used} steps", help=f"At most {most} of them" if most else _("None of them"))
raise InputError(Problem("row 1", _("is {what}", what="two words"), accepted))
notes.append("It has " + "gaps in it." if gaps else _("It has none."))
rows["no such thing"].append("not a note at all")
st.button(f":material/link: {title}", key="not a label")
"""
    assert unsaid(ast.parse(code)) == [
        "line 2: Nothing has learnt yet.",
        "line 4: At most {} of them",
        "line 4: Real steps",
        "line 5: two words",
        "line 6: It has ",
        "line 6: gaps in it.",
    ]
