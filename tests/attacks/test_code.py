"""What the code never does with anything that somebody brought."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

from engines import paths

FORBIDDEN = {
    "eval", "exec", "compile", "__import__", "pickle.load", "pickle.loads", "marshal.loads", "yaml.load", "os.system",
    "os.popen", "subprocess.getoutput", "dill.load", "joblib.load", "pandas.read_pickle", "shelve.open",
}  # fmt: skip


@functools.cache
def calls() -> tuple[tuple[Path, ast.Call], ...]:
    files = [file for folder in ("engines", "ui", "pages") for file in (paths.PROJECT / folder).rglob("*.py")]
    return tuple(
        (file.relative_to(paths.PROJECT), node)
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    )


def test_nothing_is_evaluated_unpickled_or_given_to_a_shell() -> None:
    found = []
    for file, call in calls():
        name = ast.unparse(call.func)
        keywords = {word.arg: ast.unparse(word.value) for word in call.keywords}
        bad = name in FORBIDDEN or keywords.get("shell") == "True" or keywords.get("allow_pickle") == "True"
        bad = bad or (name == "torch.load" and keywords.get("weights_only") != "True")
        found += [f"{file}:{call.lineno} {name}"] if bad else []
    assert found == []


def test_a_statement_to_a_database_is_put_together_from_constants_alone() -> None:
    """What varies goes in as a parameter; a name in capitals is one of ours."""
    found, seen = [], 0
    for file, call in calls():
        if isinstance(call.func, ast.Attribute) and call.func.attr.startswith("execute") and call.args:
            seen += 1
            for part in ast.walk(call.args[0]):
                if isinstance(part, ast.FormattedValue) and not ast.unparse(part.value).isupper():
                    found.append(f"{file}:{call.lineno} {ast.unparse(part.value)}")
                if isinstance(part, ast.BinOp | ast.Mod):
                    found.append(f"{file}:{call.lineno} is put together")
    assert seen > 15
    ours = {  # each a text in that file: of `Store._rows`, added columns and `_after_all`; a table; what `_set` is told
        "engines/jobs/local/queue_db.py": {"condition", "column", "moment"},
        "engines/rooms/ending.py": {"name"},
        "engines/rooms/members.py": {"change"},
    }
    assert [one for one in found if one.split()[-1] not in ours.get(one.split(":")[0], set())] == []
