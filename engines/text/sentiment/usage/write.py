"""usage.py of an exported text classifier: texts in, their classes out, read as the run reads texts."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from engines.exports import bundle, script
from engines.messages import _
from engines.runs import RunFolder
from engines.text.models import elmo, elmo_input
from engines.text.models.elmo import ElmoForSequenceClassification
from engines.text.sentiment.predict import TextClassifier

HOW = _("""\
```
pip install -r requirements.txt
python usage.py "a text" "another text"
python usage.py TEXTS.csv
```

prints the class of each text, and how likely each class is. A table has its texts in a column called `{column}`, or
in its only column; of a .txt file each line is a text.""")
HOW_ELMO = _("""

The network's own code lies beside it. The lines above ask it with Headstart instead, where that is installed:
`model.predict(Path("texts.csv"))`.""")
CARRIED = (elmo, elmo_input)
"""Modules that the usage.py of an ELMo imports."""


def how(run: Path, classifier: TextClassifier) -> str:
    of_elmo = isinstance(classifier.network.model, ElmoForSequenceClassification)
    return HOW.format(column=columns(run)[0]) + (HOW_ELMO if of_elmo else "")


def columns(run: Path) -> list[str]:
    """In which column of a table its texts are looked for."""
    named = RunFolder(run).recipe.settings.get("text_column")
    return [named, "text"] if named else ["text"]


def write(folder: Path, run: Path, classifier: TextClassifier, *, onnx: bool) -> None:
    """usage.py and requirements.txt, for the model.onnx or model.safetensors in `folder`."""
    reader: Any = classifier.reader
    constants = {
        "onnx": onnx,
        "classes": classifier.classes,
        "temperature": classifier.temperature,
        "max_tokens": reader.length,
        "max_windows": reader.max_windows,
        "padding": reader.padding,
        "columns": columns(run),
    }
    network = classifier.network
    if isinstance(network.model, ElmoForSequenceClassification):
        depth = len(network.stages) if network.ends_early else 0
        _write_elmo(folder, run, constants | {"sizes": asdict(network.model.elmo.sizes), "depth": depth})
        return
    needs = ("onnxruntime", "tokenizers", "numpy") if onnx else ("torch", "transformers", "safetensors", "numpy")
    script.write_usage(folder, __file__, constants, run, needs)


def _write_elmo(folder: Path, run: Path, constants: dict[str, Any]) -> None:
    """The same, and the network's code, so that it needs no Headstart."""
    template = Path(__file__).with_name("usage_template_elmo.py")
    script.write(folder, template, constants, run, ("torch", "safetensors", "numpy"), name="usage.py")
    for module in CARRIED:
        bundle.copied([Path(str(module.__file__))], folder)
    for name in ("usage.py", *(f"{module.__name__.rpartition('.')[2]}.py" for module in CARRIED)):
        code = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_text(code.replace("from engines.text.models.", "from "), encoding="utf-8")
