"""Puts the page beside a model.onnx: the service's own page, what asks the model in the browser, and its runtime."""

from __future__ import annotations

import hashlib
import json
import lzma
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engines.exports import bundle

HERE = Path(__file__).parent
PAGE = HERE.parent / "service" / "page"
SCRIPT = '<script src="page.js"></script>'
"""The place in page.html before which the model's own scripts stand."""
FOOTER = ("What you send is looked at", "</a>")
OWN_FOOTER = "The model runs on this device: no picture leaves it."
POLICY = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src blob:; connect-src 'self'; "
    "worker-src 'self'\">"
)
"""The browser itself sees to it that nothing is sent elsewhere."""


def page(folder: Path, about: Mapping[str, str], run: Mapping[str, Any]) -> None:
    """Everything that a browser needs besides model.onnx, which lies in `folder` already.

    `about` is what the page says of the model (title, about, takes), `run` how a picture becomes its input and what its
    answers mean: pixels.js and model.js read that.
    """
    bundle.copied([PAGE / "page.css", PAGE / "page.js"], folder)
    bundle.copied([HERE / "pixels.js", HERE / "model.js", HERE / "ort-licence.txt"], folder)
    text = (PAGE / "page.html").read_text(encoding="utf-8")
    head, _, tail = text.partition(FOOTER[0])
    text = head + OWN_FOOTER + tail.partition(FOOTER[1])[2]
    text = text.replace(SCRIPT, f'<script src="pixels.js"></script>\n<script src="model.js"></script>\n{SCRIPT}')
    text = text.replace('<meta charset="utf-8">', f'<meta charset="utf-8">\n{POLICY}')
    (folder / "index.html").write_text(text, encoding="utf-8")
    (folder / "about.json").write_text(json.dumps(about, ensure_ascii=False), encoding="utf-8")
    unpack(folder)
    sizes = {name: (folder / name).stat().st_size for name in ("model.onnx", "ort.wasm")}
    (folder / "model.json").write_text(json.dumps({**run, "bytes": sizes}, ensure_ascii=False), encoding="utf-8")
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        digest.update(file.read_bytes())
    offline = (HERE / "offline.js").read_text(encoding="utf-8").replace("VERSION", digest.hexdigest()[:16])
    (folder / "offline.js").write_text(offline, encoding="utf-8")


def runtime() -> dict[str, Any]:
    """What is known of ONNX Runtime Web as it lies here: see scripts/onnxruntime_web.py."""
    told: dict[str, Any] = json.loads((HERE / "runtime.json").read_text(encoding="utf-8"))
    return told


def unpack(folder: Path) -> None:
    """ONNX Runtime Web's two files, compared with the digests of runtime.json."""
    for name, own in runtime()["files"].items():
        content = lzma.decompress((HERE / f"{name}.xz").read_bytes())
        assert hashlib.sha256(content).hexdigest() == own["sha256"], name
        (folder / name).write_bytes(content)
