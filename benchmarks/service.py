"""What does a model as a service cost beyond its bare forward pass?

    python benchmarks/service.py [--requests 300] [--side 640] [--write]

The model of the recorded run on photographs, exported as `service`, answers one JPEG picture after
another over HTTP on this machine; in turn with each request the same picture, read and ready, goes through the same
ONNX file alone. The middle is what reading the picture costs: decoding, resizing, scaling. Medians, with the 5th and
95th of a hundred.
"""

from __future__ import annotations

import io
import os
import runpy
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnxruntime
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.batch import RECORDED
from benchmarks.performance_page import parser, publish, table
from engines import api
from engines.runs import RunFolder

PATIENCE = 60.0


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--requests", type=int, default=300)
    arguments.add_argument("--side", type=int, default=640, help="of the longer edge of the picture")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["HEADSTART_HOME"] = home
        folder = api.export(RunFolder.find(RECORDED).path, Path(home) / "service", "service")
        took = measured(folder, picture(given.side), given.requests)
    forward = np.median(took["forward"])
    rows = [
        (name, *(f"{1000 * float(np.quantile(own, q)):.2f}" for q in (0.5, 0.05, 0.95))) for name, own in took.items()
    ]
    text = table(("", "median, ms", "5 %", "95 %"), rows)
    whole, read = np.median(took["service"]), np.median(took["reading"])
    text += (
        f"\n\n{given.requests} pictures of {given.side} pixels, one after another. Service / forward pass: "
        f"{whole / forward:.2f}; service / (reading and forward pass): {whole / (read + forward):.2f}.\n"
    )
    publish(text, write=given.write)


def picture(side: int) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (side * 3 // 4 // 16, side // 16, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(noise).resize((side, side * 3 // 4), Image.Resampling.BICUBIC).save(content, "JPEG", quality=88)
    return content.getvalue()


def measured(folder: Path, content: bytes, requests: int) -> dict[str, list[float]]:
    """Seconds of each, in turn."""
    usage: dict[str, Any] = runpy.run_path(str(folder / "usage.py"), run_name="usage")
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    file = folder / "picture.jpg"
    file.write_bytes(content)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, str(folder / "service.py"), "--port", str(port)],
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    took: dict[str, list[float]] = {"forward": [], "reading": [], "service": []}
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client:
            ready(client)
            for number in range(requests + 10):
                start = time.perf_counter()
                inputs = usage["inputs"](usage["looks"](usage["square"](file))[0])
                middle = time.perf_counter()
                session.run(["logits"], {"input": inputs})
                end = time.perf_counter()
                answer = client.post("/predict", content=content, headers={"Content-Type": "image/jpeg"})
                answered = time.perf_counter()
                assert answer.status_code == 200, answer.text
                if number >= 10:  # the first ones warm up
                    for name, seconds in (
                        ("forward", end - middle),
                        ("reading", middle - start),
                        ("service", answered - end),
                    ):
                        took[name].append(seconds)
    finally:
        process.terminate()
        process.wait(20)
    return took


def ready(client: httpx.Client) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            client.get("/health")
            return
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


if __name__ == "__main__":
    main()
