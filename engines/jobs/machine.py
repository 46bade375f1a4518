"""How fast this machine multiplies, so that a page can say how long a run would take before it starts."""

from __future__ import annotations

import json
import os
import statistics
import time
from typing import Any

from engines import places

PROBE_SECONDS = 0.5
IMAGES, PIXELS, WIDTH, WIDE = 8, 28, 64, 256


def measure() -> dict[str, Any]:
    """{device, device_name, macs_per_second, precision} of this machine; kept in machine.json until those change.

    `macs_per_second`: multiply-accumulates of a forward pass through one block of convolutions as they are in
    today's image networks (1×1 up, depthwise 3×3, 1×1 down, dense 3×3), batch of 8.
    """
    import torch

    from engines.training import devices

    devices.keep_freed_memory()  # as a run does
    device = _device()
    name = devices.name(torch.device(device))
    key = f"{device}/{name}/{torch.__version__}/{torch.get_num_threads()}"
    kept = places.home() / "machine.json"
    try:
        known: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        if known.pop("key") == key:
            return known
    except (OSError, ValueError, KeyError):
        pass
    precision = "bf16" if device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    found = {
        "device": device,
        "device_name": name,
        "macs_per_second": _macs_per_second(device, precision),
        "precision": precision,
    }
    partial = kept.with_name(f".machine.{os.getpid()}.partial")
    partial.write_text(json.dumps({"key": key, **found}), encoding="utf-8")
    partial.replace(kept)
    return found


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _macs_per_second(device: str, precision: str) -> float:
    import torch
    from torch import nn

    block = nn.Sequential(
        nn.Conv2d(WIDTH, WIDE, 1),
        nn.Conv2d(WIDE, WIDE, 3, padding=1, groups=WIDE),
        nn.Conv2d(WIDE, WIDTH, 1),
        nn.Conv2d(WIDTH, WIDTH, 3, padding=1),
    ).to(device)
    images = torch.randn(IMAGES, WIDTH, PIXELS, PIXELS, device=device)  # (B, C, H, W)
    macs = IMAGES * PIXELS**2 * (WIDTH * WIDE + 9 * WIDE + WIDE * WIDTH + 9 * WIDTH * WIDTH)

    def pass_through() -> float:
        start = time.perf_counter()
        block(images).sum().item()  # .item() waits for the device
        return time.perf_counter() - start

    times: list[float] = []
    with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
        deadline = time.perf_counter() + PROBE_SECONDS
        pass_through()
        while not times or time.perf_counter() < deadline:
            times.append(pass_through())
    return macs / statistics.median(times)
