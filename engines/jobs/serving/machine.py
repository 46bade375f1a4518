"""How fast this machine multiplies, so that a page can say how long a run would take before it starts."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

from engines import paths
from engines.cost import rates
from engines.cost.forecast import PROBE, disagrees
from engines.jobs.serving import cards

PROBE_SECONDS = 0.5
IMAGES, PIXELS, WIDTH, WIDE = 8, 28, 64, 256
ON_A_CARD = 256
"""Images at a time there: 8 would measure how fast it is told what to do, not how fast it multiplies."""
LAUNCHES = 1000
TOKENS, INNER, OUTER = 512, 576, 1536


def measure() -> dict[str, Any]:
    """{device, device_name, macs_per_second, precision} of this machine, bf16_macs_per_second where a processor has
    bfloat16 in hardware, and of a card seconds_a_launch: how long it takes to tell it the smallest thing to do.

    Kept in machine.json until those change, or runs since then took much longer or shorter than this leads one to
    expect (`forecast.disagrees`): it may have been measured while others wanted the machine.

    `macs_per_second`: multiply-accumulates of a forward pass through one block of convolutions as they are in
    today's image networks (1×1 up, depthwise 3×3, 1×1 down, dense 3×3), batch of 8, on a card of 256.
    `bf16_macs_per_second`: of a Transformer's matrix products.
    """
    if cards.hidden():
        return cards.measured()
    import torch

    from engines.training import devices

    devices.keep_freed_memory()  # as a run does
    device = devices.found().kind
    name = devices.name(torch.device(device))
    key = f"{device}/{name}/{torch.__version__}/{torch.get_num_threads()}"
    kept = paths.home() / PROBE
    try:
        known: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        of = "cpu" if device == "cpu" else name
        if known.pop("key") == key and not disagrees(rates.read(), float(known["macs_per_second"]), of):
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
    if device == "cpu" and devices.has_bf16():
        found["bf16_macs_per_second"] = _matrices()
    if device != "cpu":
        found["seconds_a_launch"] = _seconds_a_launch(device)
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial = kept.with_name(f".machine.{os.getpid()}.partial")
    partial.write_text(json.dumps({"key": key, **found}), encoding="utf-8")
    partial.replace(kept)
    return found


def _macs_per_second(device: str, precision: str) -> float:
    import torch
    from torch import nn

    block = nn.Sequential(
        nn.Conv2d(WIDTH, WIDE, 1),
        nn.Conv2d(WIDE, WIDE, 3, padding=1, groups=WIDE),
        nn.Conv2d(WIDE, WIDTH, 1),
        nn.Conv2d(WIDTH, WIDTH, 3, padding=1),
    ).to(device)
    count = IMAGES if device == "cpu" else ON_A_CARD
    images = torch.randn(count, WIDTH, PIXELS, PIXELS, device=device)  # (B, C, H, W)
    macs = count * PIXELS**2 * (WIDTH * WIDE + 9 * WIDE + WIDE * WIDTH + 9 * WIDTH * WIDTH)

    def pass_through() -> float:
        start = time.perf_counter()
        block(images).sum().item()  # .item() waits for the device
        return time.perf_counter() - start

    with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
        return macs / _median(pass_through)


def _seconds_a_launch(device: str) -> float:
    """Of additions to one number, one after another: the card has nothing to do but to be told."""
    import torch

    number = torch.zeros(1, device=device)

    def tell() -> float:
        start = time.perf_counter()
        for _ in range(LAUNCHES):
            number.add_(1.0)
        number.item()  # waits for the device
        return time.perf_counter() - start

    return _median(tell) / LAUNCHES


def _matrices() -> float:
    """Multiply-accumulates a second of a small language model's feed-forward layer, in bfloat16 on the processor."""
    import torch
    from torch import nn

    layer = nn.Sequential(nn.Linear(INNER, OUTER), nn.SiLU(), nn.Linear(OUTER, INNER))
    tokens = torch.randn(TOKENS, INNER)

    def pass_through() -> float:
        start = time.perf_counter()
        layer(tokens)
        return time.perf_counter() - start

    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        return 2 * TOKENS * INNER * OUTER / _median(pass_through)


def _median(timed: Callable[[], float]) -> float:
    """Seconds that something takes, of as often as it fits into PROBE_SECONDS."""
    deadline, times = time.perf_counter() + PROBE_SECONDS, list[float]()
    timed()
    while not times or time.perf_counter() < deadline:
        times.append(timed())
    return statistics.median(times)


if __name__ == "__main__":
    print(json.dumps(measure()))
