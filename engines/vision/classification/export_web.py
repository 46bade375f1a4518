"""A trained image classifier as a page: a browser runs the model itself, on a phone too, and no picture leaves it."""

from __future__ import annotations

from pathlib import Path

from engines.contract import Task
from engines.exports import bundle
from engines.exports.web import write as web
from engines.messages import _
from engines.runs import RunFolder
from engines.vision.classification import export_onnx
from engines.vision.classification.predict import Classifier
from engines.vision.classification.usage.write import constants_of

READ = ("classes", "temperature", "test_time", "framing", "size", "stored", "mean", "std")
"""Of what is known of the model, that which pixels.js and model.js read."""
HOW = _("""\
```
python -m http.server 8000
```

in this folder, and `http://127.0.0.1:8000` in a browser: choose pictures, or use the camera. The browser computes the
answers itself with ONNX Runtime Web {version} (MIT, see ort-licence.txt); nothing is sent anywhere. Put the folder on
any web server: over https the camera works on a phone, and the page opens without a network from the second time on.
Opened as a file, without a web server, a page may not read the model beside it.

A picture becomes an input as in the run, number for number. Two things are the browser's own: it reads fewer kinds of
files (no TIFF, and grey of 16 bits only as 8), and it decodes large JPEGs in its own way, so that a probability may
differ by one or two hundredths.""")


def export(task: Task, run: Path, out: Path) -> Path:
    """index.html, model.onnx and all that a browser needs for them, as a folder or a zip.

    Raises InputError when the run holds no model, or none that ONNX Runtime runs: see `export_onnx.export`.
    """
    predictor = Classifier(run)
    with bundle.parcel(out) as folder:
        export_onnx.model_into(folder, run, predictor)
        about = {
            "title": RunFolder(run).recipe.title or task.info.title,
            "about": str(_("{title}: a model that was fine-tuned with Headstart.", title=task.info.title)),
            "takes": "pictures",
        }
        known = constants_of(run)
        web.page(folder, about, {name: known[name] for name in READ})
        bundle.papers(folder, run, HOW.format(version=web.runtime()["version"]))
    return out
