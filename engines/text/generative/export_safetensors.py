"""A trained writing model to take home, as Transformers loads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engines.contract import Task
from engines.exports import bundle, script
from engines.messages import _
from engines.text.generative import model_files, networks, usage
from engines.text.generative.examples import readable, writable
from engines.text.generative.model_files import Loaded

MOST_NEW = 64
"""Tokens of an answer, as where a whole table is asked."""
HOW = _("""\
```
pip install -r requirements.txt
python usage.py "a text" "another text"
python usage.py TEXTS.csv
```

prints what the model answers to each text. A table has its texts in a column called {columns}, or in its only column;
of a .txt file each line is a text.""")


def export(task: Task, run: Path, out: Path) -> Path:
    """The whole model with its adapters merged in, tokenizer, a script that asks it, model card and recipe, as a folder
    or a zip.

    Raises InputError when the run holds no model.
    """
    loaded = model_files.load(task, run)
    model: Any = networks.merged(loaded.network)
    constants = reading(loaded, translates=bool(model.config.is_encoder_decoder))
    needs = ["torch", "transformers", "safetensors", "numpy", *(["sentencepiece"] if constants["translates"] else [])]
    with bundle.parcel(out) as folder:
        model_files.save_whole(model, folder)
        loaded.tokenizer.save_pretrained(folder)
        script.write_usage(folder, usage.__file__, constants, run, needs)
        bundle.papers(folder, run, HOW.format(columns=_(" or ").join(constants["columns"])))
    return out


def reading(loaded: Loaded, *, translates: bool) -> dict[str, Any]:
    """How texts become what the model reads."""
    settings, config = loaded.settings, loaded.model.config
    named = settings.source_column if translates else settings.prompt_column
    own: dict[str, Any]
    if translates:
        own = {"max_tokens": readable(config, settings), "most_new": writable(config, settings)}
        own |= {"beams": settings.beams, "prefix": settings.prefix or ""}
    else:
        own = {"max_tokens": settings.max_tokens, "most_new": MOST_NEW, "beams": 1, "system": settings.system}
    columns = [*([named] if named else []), "source" if translates else "prompt"]
    return {"translates": translates, **own, "columns": columns}
