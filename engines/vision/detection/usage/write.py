"""usage.py of an exported detector: a picture in, boxes out, read as the run reads pictures."""

from __future__ import annotations

import json
from pathlib import Path

from engines.exports import script
from engines.messages import _
from engines.vision.detection.networks import decode, families
from engines.vision.images import pixel_resize, reading

HOW = _("""\
```
pip install -r requirements.txt
python usage.py PICTURE …
```

prints what is on each picture: class, score and the edges of its box in pixels. Pictures are read upright (EXIF),
transparent ones on white, and grey of 16 bits is scaled; `usage.py` shows all that happens to one on its way to the
network, and how boxes come of its answers.""")
NEEDS = ("numpy", "pillow")


def write(folder: Path, run: Path, *, onnx: bool) -> None:
    """usage.py and requirements.txt, for the model.onnx or model.safetensors in `folder`."""
    config = json.loads((run / "model" / "config.json").read_text(encoding="utf-8"))
    constants = {
        "onnx": onnx,
        "classes": config["label_names"],
        "threshold": config["threshold"],
        "size": config["size"],
        "mean": config["mean"],
        "std": config["std"],
        "of_places": config.get("family", "pyramid") == "pyramid",
        "same": config["detector"].get("same"),
    }
    needs = ("onnxruntime", *NEEDS) if onnx else (*families.of_config(config).NEEDS, "safetensors", *NEEDS)
    parts = [decode.__name__, pixel_resize.__name__, reading.__name__]
    script.write_usage(folder, __file__, constants, run, needs, parts)
