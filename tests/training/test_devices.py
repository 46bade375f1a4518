"""Where a run computes, and the seeds that make it repeatable."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.cards import made
from engines.contract import Strategy
from engines.forecasting.settings import ForecastSettings
from engines.speech.settings import SpeakerSettings
from engines.text.settings import TextSettings
from engines.training import devices, memory
from engines.training.card import room
from engines.training.settings import TrainSettings
from engines.vision.classification.settings import VisionSettings
from tests.training import toys


def test_a_derived_seed_is_the_same_in_every_process() -> None:
    script = "from engines.training.devices import derived_seed; print(derived_seed(3, 'head', 0))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert int(ran.stdout) == devices.derived_seed(3, "head", 0)


def test_a_derived_seed_changes_with_every_part() -> None:
    parts = [(3, "head", 0), (3, "head", 1), (4, "head", 0), (3, "refit", 0), (3, "head"), ("3", "head", 0)]
    assert len({devices.derived_seed(*each) for each in parts}) == len(parts)
    assert all(0 <= devices.derived_seed(*each) < 2**56 for each in parts)


def test_seed_everything_seeds_torch_and_gives_a_generator_of_its_own() -> None:
    def drawn() -> list[float]:
        generator = devices.seed_everything(1, "epoch", 2)
        return [*torch.rand(2).tolist(), *torch.rand(2, generator=generator).tolist()]

    assert drawn() == drawn()


@pytest.mark.parametrize(("chosen", "precision"), [("auto", "fp32"), ("no", "fp32"), ("bf16", "bf16")])
def test_precision_on_the_processor(chosen: str, precision: str) -> None:
    on = devices.accelerator(TrainSettings(mixed_precision=chosen))
    assert on.device.type == "cpu"
    assert devices.precision(on) == precision
    assert devices.name(on.device) == f"CPU, {torch.get_num_threads()} threads"


@pytest.mark.parametrize("hardware", [True, False])
def test_auto_is_bf16_on_a_processor_only_where_it_pays(monkeypatch: pytest.MonkeyPatch, hardware: bool) -> None:
    monkeypatch.setattr(devices, "has_bf16", lambda: hardware)
    of = {
        (kind.__name__, strategy): devices.precision(devices.accelerator(kind(), strategy))
        for kind in (VisionSettings, TextSettings)
        for strategy in (Strategy.FEATURES, Strategy.PARTIAL, Strategy.FULL, Strategy.LORA, Strategy.SCRATCH)
    }
    half = {key for key, precision in of.items() if precision == "bf16"}
    whole = {("VisionSettings", Strategy.FEATURES), ("VisionSettings", Strategy.SCRATCH)}
    assert half == (of.keys() - whole if hardware else set())


class Accelerated:
    """What devices asks of torch about a card, as a machine with one would answer."""

    def __init__(
        self,
        patch: pytest.MonkeyPatch,
        *,
        fails: Exception | None = None,
        capability: tuple[int, int] = (9, 0),
        imitates: bool = False,
    ):
        ones = torch.ones

        def on_the_card(*shape: int, device: str | None = None) -> Tensor:
            if device == "cuda" and fails is not None:
                raise fails
            return ones(*shape)

        patch.setattr(torch, "ones", on_the_card)
        patch.setattr(torch.cuda, "is_available", lambda: True)
        patch.setattr(torch.cuda, "get_device_name", lambda *_: "NVIDIA Old")
        patch.setattr(torch.cuda, "get_device_capability", lambda *_: capability)
        patch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_75", "sm_90"])
        patch.setattr(
            torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or not imitates
        )


@pytest.fixture
def anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """What was found of this machine's cards is forgotten, before and after."""
    devices.found.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    devices.found.cache_clear()


def test_a_card_that_multiplies_is_taken(anew: pytest.MonkeyPatch) -> None:
    Accelerated(anew)
    assert devices.found() == devices.Found("cuda")


@pytest.mark.parametrize(
    ("capability", "fails", "said"),
    [
        ((7, 0), RuntimeError("no kernel image"), r"nothing for NVIDIA Old \(sm_70\), only for sm_75, sm_90$"),
        ((9, 0), RuntimeError("CUDA error: out of memory"), "^other programs have taken all memory"),
        (
            (9, 0),
            RuntimeError("unspecified launch failure"),
            r"^NVIDIA Old failed at its first product \(RuntimeError\)$",
        ),
    ],
    ids=["unsupported", "full", "broken"],
)
def test_a_card_that_cannot_multiply_is_a_sentence_and_the_processor(
    anew: pytest.MonkeyPatch, tmp_path: Path, capability: tuple[int, int], fails: Exception, said: str
) -> None:
    Accelerated(anew, fails=fails, capability=capability)
    found = devices.found()
    assert found.kind == "cpu"
    assert re.search(said, found.lacking)
    run = toys.Notebook(tmp_path)
    assert devices.start(TrainSettings(), run, Strategy.FULL).device.type == "cpu"
    ((_kind, data),) = run.events
    assert data["message"].endswith(f": training on the processor, because {found.lacking}.")


def test_an_old_driver_is_told_with_its_number(anew: pytest.MonkeyPatch, tmp_path: Path) -> None:
    driver = tmp_path / "version"
    driver.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024\n")
    anew.setattr(devices, "DRIVER", driver)
    anew.delenv("CUDA_VISIBLE_DEVICES")
    anew.setattr(torch.version, "cuda", "13.0")
    assert devices.found().lacking.endswith("it wants a driver for CUDA 13.0, and this one is 535.183.01")
    devices.found.cache_clear()
    anew.setenv("CUDA_VISIBLE_DEVICES", "")
    assert devices.found() == devices.Found("cpu")  # somebody hid the card: nothing is wrong with it


@pytest.mark.parametrize("imitates", [False, True])
def test_auto_is_bf16_on_a_card_where_it_pays_and_the_card_has_it(anew: pytest.MonkeyPatch, imitates: bool) -> None:
    Accelerated(anew, imitates=imitates)
    chosen: dict[tuple[str, Strategy], str] = {}
    anew.setattr(devices, "Accelerator", lambda **chosen: chosen["mixed_precision"])
    for kind in (VisionSettings, TextSettings, ForecastSettings, SpeakerSettings):
        for strategy in (Strategy.FEATURES, Strategy.PARTIAL, Strategy.FULL, Strategy.SCRATCH):
            chosen[kind.__name__, strategy] = devices.accelerator(kind(), strategy)  # type: ignore[assignment]
    half = {key for key, precision in chosen.items() if precision == "bf16"}
    learns = {("VisionSettings", Strategy.PARTIAL), ("VisionSettings", Strategy.FULL)}
    assert half == (set() if imitates else learns | {key for key in chosen if key[0] == "TextSettings"})


@pytest.mark.parametrize(("precision", "products", "convolutions"), [("no", "highest", False), ("bf16", "high", True)])
def test_on_a_card_products_and_convolutions_are_of_one_kind(
    anew: pytest.MonkeyPatch, precision: str, products: str, convolutions: bool
) -> None:
    Accelerated(anew)
    anew.setattr(devices, "Accelerator", lambda **chosen: chosen["cpu"])
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    try:
        assert devices.accelerator(TrainSettings(mixed_precision=precision)) is False
        assert torch.get_float32_matmul_precision() == products
        assert torch.backends.cudnn.allow_tf32 is convolutions
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]


@pytest.mark.parametrize(("chosen", "where"), [(True, "auto"), (True, "cpu"), (False, "auto")])
def test_deterministic_is_asked_of_a_card_before_its_first_product(
    anew: pytest.MonkeyPatch, chosen: bool, where: str
) -> None:
    Accelerated(anew)
    asked: list[Any] = []
    found = devices.found
    anew.setattr(devices, "found", lambda: (asked.append("product"), found())[1])
    anew.setattr(devices, "Accelerator", lambda **chosen: chosen["cpu"])
    anew.setattr(devices, "_choose_arithmetic", lambda *_: None)
    anew.setattr(torch, "use_deterministic_algorithms", lambda on, warn_only: asked.append((on, warn_only)))
    anew.setattr(torch.backends.cudnn, "benchmark", True)
    anew.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    anew.delenv("CUBLAS_WORKSPACE_CONFIG")
    devices.accelerator(TrainSettings(deterministic=chosen, device=where))
    on_card = chosen and where == "auto"
    assert asked == [(True, True)] * on_card + ["product"] * (where == "auto")
    assert os.environ.get("CUBLAS_WORKSPACE_CONFIG") == (":4096:8" if on_card else None)
    assert torch.backends.cudnn.benchmark is not on_card


def test_what_is_cached_on_a_card_is_filed_apart(anew: pytest.MonkeyPatch) -> None:
    Accelerated(anew)
    assert devices.filed_under(torch.device("cpu")) == ()
    of_tf32 = []
    for precision in ("highest", "high"):
        anew.setattr(torch, "get_float32_matmul_precision", lambda precision=precision: precision)
        of_tf32.append(devices.filed_under(torch.device("cuda")))
    assert of_tf32 == [("NVIDIA Old", "highest"), ("NVIDIA Old", "high", "bf16")]


@pytest.mark.parametrize(("device", "products", "halved"), [("cuda", "high", True), ("cuda", "highest", False)])
def test_on_a_card_the_frozen_part_computes_as_what_learns_behind_it(
    anew: pytest.MonkeyPatch, device: str, products: str, halved: bool
) -> None:
    anew.setattr(torch, "get_float32_matmul_precision", lambda: products)
    anew.setattr(torch, "autocast", lambda *given: given)
    found = devices.frozen_part(torch.device(device))
    assert (found == ("cuda", torch.bfloat16)) is halved
    assert isinstance(devices.frozen_part(torch.device("cpu")), contextlib.nullcontext)


@pytest.mark.parametrize(("device", "asked"), [("cuda", 2), ("mps", 1), ("cpu", 1)])
def test_convolutions_lie_on_a_card_as_they_are_read_there(
    monkeypatch: pytest.MonkeyPatch, device: str, asked: int
) -> None:
    network, moves = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 2)), []
    real = torch.nn.Module.to

    def move(own: torch.nn.Module, *given: torch.device, **named: torch.memory_format) -> torch.nn.Module:
        moves.append((*given, *named))
        return real(own, **named) if named else own

    monkeypatch.setattr(torch.nn.Module, "to", move)
    before = network[0].weight.detach().clone()
    devices.laid_out(network, torch.device(device))
    assert len(moves) == asked
    assert network[0].weight.is_contiguous(memory_format=torch.channels_last) is (device == "cuda")
    assert torch.equal(network[0].weight, before)
    devices.laid_back(network, torch.device(device))
    assert network[0].weight.is_contiguous(), "files keep no layout"
    assert torch.equal(network[0].weight, before)


class Doubles(TorchDispatchMode):
    """While it is entered, counts what makes float64, which Apple's cards do not have."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Sequence[type], args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if isinstance(made, Tensor) and made.dtype == torch.float64:
            self.seen.append(str(func))
        return made


def test_a_step_makes_nothing_that_apples_cards_do_not_have(tmp_path: Path) -> None:
    """As far as can be told without one: no float64 in a step of a vision and of a text network."""
    with Doubles() as doubles:
        torch.zeros(1).double()
    assert doubles.seen == ["aten._to_copy.default"]
    for name in ("resnet18", "BERT, 4 layers"):
        kind, own = made.SMALL[name], tmp_path / name
        own.mkdir()
        with Doubles() as doubles:
            chosen = TrainSettings(device="cpu", mixed_precision="no", batch_size=2)
            made.trained(kind.build(), kind.examples(2), chosen, Strategy.FULL, own, epochs=1)
        assert doubles.seen == []


def test_apples_memory_is_given_back_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    emptied: list[bool] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.mps, "empty_cache", lambda: emptied.append(True))
    memory.free()
    assert emptied == [True]
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 100)
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: 30)
    assert room.free_bytes(torch.device("mps")) == 70
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (50, 100))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: 20)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 5)
    assert room.free_bytes(torch.device("cuda")) == 65
    assert room.free_bytes(torch.device("cpu")) == 0


def test_freed_memory_is_kept_where_glibc_is() -> None:
    assert devices.keep_freed_memory() in {True, False}
    if sys.platform == "linux":
        assert devices.keep_freed_memory() is True


@pytest.mark.parametrize(("error", "expected"), [(0.0, "medium"), (1e-3, "highest")])
def test_medium_matrix_products_are_taken_only_where_they_stay_exact(
    monkeypatch: pytest.MonkeyPatch, error: float, expected: str
) -> None:
    """A processor that is fast in bfloat16 uses it, and is off by some 1e-3."""
    multiply = Tensor.__matmul__

    def product(a: Tensor, b: Tensor) -> Tensor:
        chosen = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("highest")  # whatever the processor here makes of the others
        exact = multiply(a, b)
        torch.set_float32_matmul_precision(chosen)
        return exact * (1 + error) if a.dtype == torch.float32 and chosen == "medium" else exact

    before = torch.get_float32_matmul_precision()
    monkeypatch.setattr(Tensor, "__matmul__", product)
    assert devices.matmul_precision.__wrapped__() == expected
    assert torch.get_float32_matmul_precision() == before


def test_a_run_on_the_processor_gets_the_products_that_were_found_exact() -> None:
    devices.accelerator(TrainSettings())
    assert torch.get_float32_matmul_precision() == devices.matmul_precision()
