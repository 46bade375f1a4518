"""usage.py of an exported image classifier: a picture in, its class out, read as the run reads pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engines.exports import script
from engines.messages import _
from engines.vision.classification import predict
from engines.vision.images import pixel_resize, reading
from engines.vision.models import shallow, tower

HOW = _("""\
```
pip install -r requirements.txt
python usage.py PICTURE …
```

prints the class of each picture, and how likely each class is. Pictures are read upright (EXIF), transparent ones on
white, and grey of 16 bits is scaled; `usage.py` shows all that happens to one on its way to the network.""")
NEEDS = ("numpy", "pillow")


def write(folder: Path, run: Path, *, onnx: bool) -> None:
    """usage.py and requirements.txt, for the model.onnx or model.safetensors in `folder`."""
    constants = {**constants_of(run), "onnx": onnx}
    library = "transformers" if constants["tower"] else "timm"
    needs = ("onnxruntime", *NEEDS) if onnx else ("torch", library, "safetensors", *NEEDS)
    script.write_usage(
        folder,
        __file__,
        constants,
        run,
        needs,
        [pixel_resize.__name__, reading.__name__, shallow.__name__, tower.__name__],
    )


def constants_of(run: Path) -> dict[str, Any]:
    """How the run's model is built, how a picture becomes its input, and what its answers mean."""
    config = json.loads((run / "model" / "config.json").read_text(encoding="utf-8"))
    format = predict.format_of(config)
    own = config["headstart"]
    return {
        "architecture": config["architecture"],
        "shallow": config.get("shallow"),
        "tower": config.get("tower"),
        "classes": config["label_names"],
        "temperature": own.get("temperature", 1.0),
        "test_time": own.get("test_time", "none"),
        "framing": format.framing,
        "size": format.size,
        "white": format.white,
        "stored": format.stored,
        "mean": list(format.mean),
        "std": list(format.std),
    }
