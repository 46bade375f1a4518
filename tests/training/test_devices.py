"""Where a run computes, and the seeds that make it repeatable."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import Tensor

from engines.contract import InputError, Strategy
from engines.text.settings import TextSettings
from engines.training import devices
from engines.training.settings import TrainSettings
from engines.vision.classification.settings import VisionSettings

without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")


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


@without_gpu
@pytest.mark.parametrize(("chosen", "precision"), [("auto", "fp32"), ("no", "fp32"), ("bf16", "bf16")])
def test_precision_on_the_processor(chosen: str, precision: str) -> None:
    on = devices.accelerator(TrainSettings(mixed_precision=chosen))
    assert on.device.type == "cpu"
    assert devices.precision(on) == precision
    assert devices.name(on.device) == f"CPU, {torch.get_num_threads()} threads"


@without_gpu
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


def test_half_precision_without_a_gpu_is_refused_in_words() -> None:
    with pytest.raises(InputError, match=r"^setting mixed_precision: found 'fp16'; fp16 needs an NVIDIA GPU"):
        devices.accelerator(TrainSettings(mixed_precision="fp16", device="cpu"))


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


@without_gpu
def test_a_run_on_the_processor_gets_the_products_that_were_found_exact() -> None:
    devices.accelerator(TrainSettings())
    assert torch.get_float32_matmul_precision() == devices.matmul_precision()
