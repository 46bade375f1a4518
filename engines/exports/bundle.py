"""What is taken home: some files, in a folder or in a zip, as the name says, and the papers that go with a model.

A model holds no data, and nothing of the machine or the person that it comes from. What is made here goes by that: see
`papers`; tests/contract/test_exports.py looks through every file of every export.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engines.contract import Recipe
from engines.messages import _
from engines.runs import RunFolder

LOADED = re.compile(r"(^## Load it\n\n```python\n).*?(\n```$)", re.MULTILINE | re.DOTALL)
USE = _("""

## This export

{how}

Inside are the model, what it needs to read new inputs, and the recipe: no example that it learnt from, and no name of a
file. The names of what it tells apart are part of the model.
""")


@contextmanager
def parcel(out: Path) -> Iterator[Path]:
    """A folder to put files in: it is `out`, or, when `out` ends in .zip, what that zip is made of afterwards.

    Where filling it fails, no zip is written.
    """
    if out.suffix != ".zip":
        out.mkdir(parents=True, exist_ok=True)
        yield out
        return
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)
        out.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(out, "w") as archive:  # weights do not compress: stored
            for file in sorted(Path(made).iterdir()):
                archive.write(file, file.name)


FOR_SCRIPTS = frozenset(
    {"lesson.json", "texts.csv", "examples.jsonl", "series.csv", "signals.csv", "split.csv", "split.json"}
)
"""What a run keeps in its model folder for the script alone: the data, or the names of their files."""


def papers(folder: Path, run: Path, how: str, *, load: str | None = None) -> None:
    """Writes README.md, the model card with `how` these files are used, and recipe.json, neither with a word of the
    data. `load` are the lines that load these files, where they are others than the card's."""
    recipe = RunFolder(run).recipe
    text = card_without_data(run, recipe).rstrip() + USE.format(how=how.strip())
    if load is not None:
        text = LOADED.sub(lambda found: f"{found[1]}{load}{found[2]}", text, count=1)
    (folder / "README.md").write_text(text, encoding="utf-8")
    (folder / "recipe.json").write_text(recipe_without_data(recipe), encoding="utf-8")


def recipe_without_data(recipe: Recipe) -> str:
    """recipe.json as it leaves the house: null where the data lay."""
    values: dict[str, Any] = json.loads(recipe.without_data().to_json())
    return json.dumps(values | {"data": None}, indent=2, ensure_ascii=False)


def card_without_data(run: Path, recipe: Recipe) -> str:
    """The run's model card. One from before version 0.3 called the data by the name of their file: it goes."""
    file = run / "README.md"
    card = file.read_text(encoding="utf-8") if file.is_file() else f"# {recipe.title or recipe.model}"
    name = re.escape(Path(recipe.data).name)
    card = re.sub(rf" fine-tuned on {name}$", "", card, flags=re.MULTILINE)
    card = re.sub(rf"^( *(?:- )?name: )['\"]?{name}['\"]?$", r"\1data of one's own", card, flags=re.MULTILINE)
    for setting in recipe.settings.keys() - recipe.without_data().settings.keys():
        card = re.sub(rf'^ *"{setting}": .*\n', "", card, flags=re.MULTILINE)
    return card


def copied(files: Iterable[Path], folder: Path) -> None:
    """Puts `files` into `folder`, under their own names."""
    for file in files:
        shutil.copyfile(file, folder / file.name)
