"""A trained model as a service: the export that suits it best, and a program that answers with it over HTTP.

ONNX Runtime answers where the run has an ONNX file that repeats it, and nothing of PyTorch is needed then; else the
run's own weights do, by the same usage.py that goes with them.
"""

from __future__ import annotations

import re
import shutil
from importlib.metadata import version
from pathlib import Path

from engines.contract import InputError, Task
from engines.exports import bundle
from engines.exports.specialise import specialised
from engines.messages import _
from engines.runs import RunFolder

SERVICE = Path(__file__).with_name("service")
NEEDS = ("starlette", "uvicorn", "python-multipart", "anyio")
TAKES = {"Callable[[str], Row]": "texts", "Callable[[Path], Row]": "files", "Callable[[Path], Iterator[Row]]": "table"}
"""What `model()` of a usage.py answers -> what it is asked with."""
ASKED = {
    "texts": ("a text", "texts", '-H "Content-Type: application/json" -d \'{"texts": ["the first", "another"]}\''),
    "table": ("a table", "a table as CSV", "-F file=@table.csv"),
    "pictures": ("a picture", "pictures", "-F file=@picture.jpg"),
    "sounds": ("a sound", "sounds", "-F file=@sound.wav"),
}
"""What it is asked with -> one of it, many, and the words of curl that send it."""
HOW = _("""\
```
pip install -r requirements.txt
python service.py
{curl}
```

answers over HTTP what the model says of {what}. `http://127.0.0.1:8000` says how it is asked, `/openapi.json` says it
to programs. `Dockerfile` makes a container of it: `docker build -t model . && docker run --rm -p 8000:8000 model`. It
has no login: put one before it where strangers could reach it.""")


def export(task: Task, run: Path, out: Path) -> Path:
    """Everything of the model's own export, service.py, Dockerfile and what they need; a zip when `out` ends in .zip.
    Raises InputError when the run holds no model."""
    return made(task, run, out, app=False)


def made(task: Task, run: Path, out: Path, *, app: bool) -> Path:
    """The same; with `app`, the page goes along on which people try it."""
    with bundle.parcel(out) as folder:
        model_into(task, run, folder)
        takes = takes_of(task, (folder / "usage.py").read_text(encoding="utf-8"))
        one, what, words = ASKED[takes]
        curl = f"curl {words} http://127.0.0.1:8000/predict"
        title = RunFolder(run).recipe.title or task.info.title
        about = str(_("{title}: a model that was fine-tuned with Headstart.", title=task.info.title))
        constants = {"title": title, "about": about, "takes": takes, "one": one.removeprefix("a "), "what": what}
        template = (SERVICE / "service_template.py").read_text(encoding="utf-8")
        text = specialised(template, {**constants, "curl": curl, "app": app})
        (folder / "service.py").write_text(text, encoding="utf-8")
        shutil.copyfile(SERVICE / "Dockerfile.txt", folder / "Dockerfile")
        with (folder / "requirements.txt").open("a", encoding="utf-8") as file:
            file.writelines(f"{package}=={version(package)}\n" for package in NEEDS)
        if app:
            bundle.copied(sorted((SERVICE / "page").iterdir()), folder)
        bundle.papers(folder, run, HOW.format(curl=curl, what=what))
    return out


def model_into(task: Task, run: Path, folder: Path) -> str:
    """Puts the files of the best export into `folder`; its format. What an export that was refused left goes."""
    formats = [name for name in ("onnx", *task.info.exports) if name in task.info.exports]
    for format in formats:
        try:
            task.export(run, format, folder)
        except InputError:
            if format != "onnx":
                raise
            for left in folder.iterdir():
                left.unlink()
        else:
            return format
    raise AssertionError("a task exports its model")


def takes_of(task: Task, usage: str) -> str:
    """What its usage.py asks the model with, a key of ASKED."""
    found = re.search(r"^def model\(\) -> (.+):$", usage, re.MULTILINE)
    assert found, "usage.py says what its model answers"
    takes = TAKES[found[1]]
    return takes if takes != "files" else "sounds" if "wav" in task.info.accepts else "pictures"
