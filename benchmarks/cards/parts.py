"""The measurements of benchmarks/gpu.py, one function each: rows of (what, measured, wanted)."""

from __future__ import annotations

import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch.nn import functional as F

from benchmarks.cards import beside, made
from benchmarks.cards.made import Made, trained
from benchmarks.cards.timing import Row, again, folder, seconds, settings, waited
from benchmarks.cards.waits import Waits
from engines.contract import Strategy
from engines.training import devices, memory, strategies
from engines.training.activation_cache import cache_activations
from engines.training.loop import predict

STEPS = 20


def each(found: Callable[[str, Made], list[Row]]) -> list[Row]:
    """Of every small network; what cannot be built here is named."""
    rows: list[Row] = []
    for name, network in made.SMALL.items():
        try:
            rows += found(name, network)
        except ImportError as error:
            rows.append((name, f"left out: {error}", ""))
    return rows


# --- right ----------------------------------------------------------------------------------------


def probe() -> list[Row]:
    """Which card, and what its arithmetic is."""
    found = devices.found()
    rows = [("computes on", found.kind + (f" ({found.lacking})" if found.lacking else ""), "cuda")]
    rows += [("torch", f"{torch.__version__}, CUDA {torch.version.cuda}", "")]
    if found.kind != "cuda":
        return rows
    card = torch.cuda.get_device_properties(0)
    rows += [("card", f"{card.name}, {card.total_memory / 2**30:.0f} GiB, sm_{card.major}{card.minor}", "")]
    rows += [("driver", devices.DRIVER.read_text().splitlines()[0] if devices.DRIVER.exists() else "?", "580 or newer")]
    a, b = torch.randn(512, 512, generator=made.generator()), torch.randn(512, 512, generator=made.generator(1))
    exact = a.double() @ b.double()
    for precision in ("no", "bf16"):
        chosen = devices.accelerator(settings("auto", mixed_precision=precision), Strategy.FULL)
        error = ((a.cuda() @ b.cuda()).cpu() - exact).abs().max() / exact.abs().max()
        rows.append((f"float32 product, {devices.arithmetic(chosen)}", f"{error:.0e}", "< 1e-6 where IEEE"))
    return rows


def parity(device: str = "auto") -> list[Row]:
    """The same steps on processor and card, in IEEE float32: the largest relative difference between losses."""

    def differ(name: str, network: Made) -> list[Row]:
        losses = []
        for where in ("cpu", device):
            with folder() as own:
                chosen = settings(where, mixed_precision="no", batch_size=16, deterministic=True)
                done = trained(
                    network.build(), network.examples(16), chosen, Strategy.SCRATCH, own, epochs=STEPS
                )  # a step an epoch
            losses.append([row["train_loss"] for row in done.history])
        worst = max(abs(a - b) / abs(a) for a, b in zip(*losses, strict=True))
        return [(f"{name}: losses of {STEPS} steps", f"{worst:.0e}", "1e-3")]

    return each(differ)


def syncs() -> list[Row]:
    """Questions to the card, counted on the processor: a step's, and an epoch's besides."""
    torch.set_num_threads(1)
    return each(questions)


def questions(name: str, network: Made) -> list[Row]:
    """Those of one network that learns as a whole. The copy of an epoch's losses, one on a card, is none here."""
    own = network.build()

    def waits(steps: int, epochs: int) -> int:
        chosen = settings("cpu", mixed_precision="no", batch_size=2)
        with folder() as home, Waits() as seen:
            trained(own, network.examples(2 * steps), chosen, Strategy.SCRATCH, home, epochs=epochs)
        return seen.count

    waits(1, 1)  # what is asked once a process
    once = waits(1, 1)
    step = (waits(3, 1) - once) / 2
    epoch = waits(1, 2) - once - step
    return [(f"{name}: a step", f"{step:g}", "0"), (f"{name}: an epoch besides", f"{epoch:g}", "0")]


def halves(device: str = "auto", name: str = "resnet18", size: int = 96, n: int = 400, epochs: int = 5) -> list[Row]:
    """The same training in IEEE float32 and in bfloat16, by three seeds: the share of `n` others that are right."""
    learn, others = made.patterns(n, size), made.patterns(n, size, seed=1)
    right: dict[str, list[float]] = {"no": [], "bf16": []}
    for precision, found in right.items():
        for seed in range(3):
            network, chosen = made.vision(name, size).build(), settings(device, mixed_precision=precision)
            with folder() as own:
                trained(network, learn, chosen, Strategy.FULL, own, epochs=epochs, seed=seed)
            where = devices.accelerator(chosen, Strategy.FULL).device
            answers = predict(network, network.boundary, others, where).argmax(1)
            found.append(float((answers == others.labels).float().mean()))
    spread = max(right["no"]) - min(right["no"])
    apart = abs(statistics.mean(right["no"]) - statistics.mean(right["bf16"]))
    said = {"no": f"{name}: right in float32", "bf16": f"{name}: right in bfloat16"}
    rows = [(said[how], ", ".join(f"{one:.3f}" for one in found), "") for how, found in right.items()]
    return [*rows, ("means apart", f"{apart:.3f}", f"{spread:.3f}, as seeds are")]


# --- fast -----------------------------------------------------------------------------------------


def busy(device: str = "auto", name: str = "resnet50", size: int = 224, batch: int = 128, n: int = 1024) -> list[Row]:
    """A whole network learning decoded pictures: our loop beside one by hand that has everything on the card."""
    network = made.vision(name, size).build()
    photos = made.squares(n, size)
    where = devices.accelerator(settings(device), Strategy.FULL)
    precision = torch.bfloat16 if where.mixed_precision == "bf16" else None

    def ours() -> None:
        with folder() as own:
            trained(network, photos, settings(device, batch_size=batch), Strategy.FULL, own, epochs=1)

    by_us = seconds(ours, 1)
    model = network.to(where.device).model.train()
    resident = photos.plain(torch.arange(n)).to(where.device)
    answers = photos.labels.to(where.device)
    optimiser = torch.optim.AdamW(model.parameters(), 1e-3, fused=True)

    def by_hand() -> None:
        for start in range(0, n, batch):
            with torch.autocast(where.device.type, precision, enabled=precision is not None):
                loss = F.cross_entropy(model(resident[start : start + batch]), answers[start : start + batch])
            loss.backward()
            optimiser.step()
            optimiser.zero_grad()

    hand = seconds(by_hand)
    rows = [
        (f"{name}, {size} px, batch {batch}, {devices.arithmetic(where)}: ours", f"{n / by_us:.0f} a second", ""),
        ("by hand, all on the card", f"{n / hand:.0f} a second", ""),
        ("ours of by hand", f"{hand / by_us:.2f}", "0.95"),
    ]
    if where.device.type == "cuda":
        from torch.profiler import ProfilerActivity, profile

        waited()
        began = time.perf_counter()
        with profile(activities=[ProfilerActivity.CUDA]) as seen:
            ours()
            waited()
        on_card = sum(event.self_device_time_total for event in seen.key_averages()) / 1e6
        rows.append(("card busy", f"{on_card / (time.perf_counter() - began):.0%}", "80 %"))
    return rows


def partial(device: str = "auto", name: str = "resnet50", size: int = 224, n: int = 512) -> list[Row]:
    """The last stage alone, behind cached activations, beside the whole network: the same pictures and epochs."""
    photos, taken = made.squares(n, size), {}
    for strategy in (Strategy.FULL, Strategy.PARTIAL):
        # built anew, with the same weights: stages of a copy would be those of the first
        own, chosen, examples = made.vision(name, size).build(), settings(device, batch_size=64, blocks=1), photos
        with folder() as home:
            os.environ["HEADSTART_HOME"] = str(home / "home")
            if strategy is Strategy.PARTIAL:
                strategies.apply(own, strategy, chosen)
                where, run = devices.accelerator(chosen, strategy).device, made.Notes(home)
                examples = cache_activations(
                    own.to(where), photos, views=1, name="a" * 64, run=run, unit="", device=where, title=""
                )
            taken[strategy] = seconds(again(own, examples, chosen, strategy, home, epochs=2), 1)
    ratio = taken[Strategy.FULL] / taken[Strategy.PARTIAL]
    return [(f"{name}: an epoch of the last stage, times as fast as of all", f"{ratio:.1f}", "2")]


def small(device: str = "auto") -> list[Row]:
    """Networks so small that a card mostly waits to be told: seconds there and on the processor."""

    def both(name: str, network: Made) -> list[Row]:
        taken, examples = [], network.examples(64)
        for where in ("cpu", device):
            with folder() as home:
                work = again(network.build(), examples, settings(where, batch_size=16), Strategy.SCRATCH, home)
                taken.append(seconds(work, 1))
        return [(f"{name}: processor beside card", f"{taken[0] / taken[1]:.1f} times as long", "")]

    return each(both)


FIRST = """
import time
began = time.monotonic()
from pathlib import Path
import sys, tempfile
from benchmarks.cards import made
from benchmarks.cards.parts import settings
from engines.contract import Strategy
network = made.vision("resnet18", 96)
for word in ("cold", "warm"):
    own, examples = network.build(), network.examples(16)
    with tempfile.TemporaryDirectory() as home:
        made.trained(own, examples, settings(sys.argv[1], batch_size=16), Strategy.FULL, Path(home), epochs=1)
    print(word, time.monotonic() - began)
    began = time.monotonic()
"""


def first_step(device: str = "auto") -> list[Row]:
    """From the start of a process, imports included, to the end of its first step; and again in that process."""
    root = Path(__file__).resolve().parents[2]
    ended = subprocess.run(
        [sys.executable, "-c", FIRST, device], cwd=root, capture_output=True, text=True, check=True, timeout=120
    )
    found = dict(line.split() for line in ended.stdout.splitlines() if line.startswith(("cold", "warm")))
    wanted = {"cold": "15 s", "warm": "5 s"}
    return [(f"first step, {word}", f"{float(found[word]):.1f} s", wanted[word]) for word in wanted]


# --- when it does not suffice ---------------------------------------------------------------------


def out_of_memory(device: str = "auto") -> list[Row]:
    """A card that gives only so much halves batches until they fit, and the loss stays a number."""
    if devices.found().kind != "cuda":
        return [("batches halved where memory does not suffice", "needs a card", "")]
    network, photos = made.vision("resnet50", 224), made.Rows(torch.zeros(256, 3, 224, 224), made.labels(256))
    torch.cuda.set_per_process_memory_fraction(min(1.0, 4 * 2**30 / torch.cuda.mem_get_info()[1]))
    try:
        with folder() as own:
            done = trained(network.build(), photos, settings(device, batch_size=256), Strategy.FULL, own, epochs=1)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        memory.free()
    finite = math.isfinite(done.history[-1]["train_loss"])
    return [("256 at a time in 4 GiB: halved", f"{done.halved} times, loss {'finite' if finite else 'broken'}", "≥ 1")]


def resume(device: str = "auto") -> list[Row]:
    """Stopped after three of six epochs and gone on with: how far the last losses are from an undisturbed run's."""
    network, losses = made.SMALL["resnet18"], []
    for stops in (False, True):
        with folder() as own:
            chosen = settings(device, batch_size=16)
            if stops:
                trained(
                    network.build(),
                    network.examples(64),
                    replace(chosen, max_seconds=1.0),
                    Strategy.FULL,
                    own,
                    epochs=6,
                )
            done = trained(network.build(), network.examples(64), chosen, Strategy.FULL, own, epochs=6)
        losses.append(done.history[-1]["train_loss"])
    apart = abs(losses[0] - losses[1]) / abs(losses[0])
    return [("a stopped run's last loss beside an undisturbed one's", f"{apart:.0e}", "1e-2 without `deterministic`")]


def server_memory() -> list[Row]:
    """What the process that answers pages takes of the card while nobody asks."""
    if devices.found().kind != "cuda":
        return [("card memory of the pages' server", "needs a card", "0")]
    from engines.jobs.serving import client

    with folder() as home:
        os.environ["HEADSTART_HOME"] = str(home)
        before = torch.cuda.mem_get_info()[0]
        client.ask({"verb": "machine"})
        time.sleep(2)
        taken = before - torch.cuda.mem_get_info()[0]
        client.stop()
    return [("card memory of the pages' server", f"{taken / 2**20:.0f} MiB", "0")]


RIGHT: dict[str, Callable[[], list[Row]]] = {"probe": probe, "parity": parity, "bf16": halves, "syncs": syncs}
FAST: dict[str, Callable[[], list[Row]]] = {
    "busy": busy,
    "partial": partial,
    "small": small,
    "first-step": first_step,
    "texts": beside.texts,
    "workers": beside.workers,
    "inference": beside.inference,
    "saving": beside.saving,
}
SCARCE: dict[str, Callable[[], list[Row]]] = {"memory": out_of_memory, "resume": resume, "server": server_memory}
PARTS = RIGHT | FAST | SCARCE
