"""Where a run computes, in which precision, and from which seed."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import re
import sys
import warnings
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from engines.contract import Run, Strategy
from engines.messages import _

if TYPE_CHECKING:
    from engines.training.settings import TrainSettings


EXACT = 1e-5
"""The largest error of a float32 matrix product that is taken for rounding; bfloat16 makes errors of some 1e-3."""


DRIVER = Path("/proc/driver/nvidia/version")
"""Where Linux says which driver of NVIDIA's it runs."""


@dataclass(frozen=True)
class Found:
    """What a run can compute on here."""

    kind: Literal["cuda", "mps", "cpu"]
    lacking: str = ""
    """Why a card that is in the machine is of no use, in words."""


@functools.cache
def found() -> Found:
    """The graphics card, if one can be computed with, else the processor.

    A card is asked to multiply once. A driver that is too old for this PyTorch, and a card whose architecture its wheel
    has no kernels for, else show at a run's first step only; and a worker that waits with NVML's word for CUDA
    (PYTORCH_NVML_BASED_CUDA_CHECK) believes in a card that one without it does not see.
    """
    if torch.backends.mps.is_available():
        return Found("mps")
    if not torch.cuda.is_available():
        return Found("cpu", _driver_too_old())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the card is old: what follows finds out
            ones = torch.ones(64, 64, device="cuda")
            product = (ones @ ones).sum().item()  # .item() waits for the card
    except Exception as error:
        return Found("cpu", _cannot_multiply(error))
    return Found("cuda") if product == 64**3 else Found("cpu", _("the graphics card multiplies wrongly"))


def _driver_too_old() -> str:
    """Empty where there is no card, or nobody may use it."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "all").strip() in {"", "-1"} or torch.version.cuda is None:
        return ""
    try:
        version = re.search(r"\b\d{3,}\.\d+(\.\d+)?\b", DRIVER.read_text(encoding="utf-8"))
    except OSError:
        return ""
    return _(
        "PyTorch {torch} cannot use the NVIDIA card here: it wants a driver for CUDA {cuda}, and this one is {driver}",
        torch=torch.__version__,
        cuda=torch.version.cuda,
        driver=version[0] if version else "?",
    )


def _cannot_multiply(error: Exception) -> str:
    from engines.training import memory

    if memory.ran_out(error):
        return _("other programs have taken all memory of the graphics card")
    try:
        card, number = torch.cuda.get_device_name(), "sm_{}{}".format(*torch.cuda.get_device_capability())
        kernels = torch.cuda.get_arch_list()
    except Exception:  # the driver does not answer
        return _driver_too_old() or _("the driver of the graphics card does not answer")
    if number not in kernels:
        return _(
            "this PyTorch has nothing for {card} ({number}), only for {kernels}",
            card=card,
            number=number,
            kernels=", ".join(kernels),
        )
    return _("{card} failed at its first product ({error})", card=card, error=type(error).__name__)


def accelerator(settings: TrainSettings, strategy: Strategy = Strategy.FULL) -> Accelerator:
    """A fresh Accelerator on the GPU if one can be computed with (and the settings allow it), else on the CPU."""
    AcceleratorState._reset_state(reset_partial_state=True)  # one process may do several runs, in other precisions
    if settings.deterministic and settings.device != "cpu":
        _be_deterministic()
    kind = "cpu" if settings.device == "cpu" else found().kind
    precision = settings.mixed_precision
    if precision == "auto":
        on_cpu = kind == "cpu" and strategy in settings.bf16_on_cpu and has_bf16()
        on_gpu = kind == "cuda" and strategy in settings.bf16_on_gpu and _card_has_bf16()
        precision = "bf16" if on_cpu or on_gpu else "no"
    _choose_arithmetic(kind, precision)
    return Accelerator(cpu=kind == "cpu", mixed_precision=precision)


def _be_deterministic() -> None:
    """Before the first product on a card: cuBLAS reads its variable then (PyTorch's notes on reproducibility). What has
    no deterministic form warns, and goes on."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False


def _card_has_bf16() -> bool:
    """In hardware: what only imitates it (Turing) is slower with it than without."""
    return torch.cuda.is_bf16_supported(including_emulation=False)


def _choose_arithmetic(kind: str, precision: str) -> None:
    """On a card, products and convolutions alike: IEEE float32 where nothing shorter was chosen, TF32 beside bf16."""
    if kind == "cpu":
        torch.set_float32_matmul_precision(matmul_precision())
        return
    torch.set_float32_matmul_precision("highest" if precision == "no" else "high")
    torch.backends.cudnn.allow_tf32 = precision != "no"


def answers() -> torch.device:
    """Where a finished model answers: on an NVIDIA card, else the processor. The warm server sees no card, see
    `jobs.serving.cards`."""
    return torch.device("cuda" if found().kind == "cuda" else "cpu")


def filed_under(device: torch.device) -> tuple[str, ...]:
    """What cached activations are filed under besides what they are of: a card's differ from the processor's in the
    last digits, and in TF32 and bfloat16 in more than those. Empty on the processor, whose products are exact."""
    if device.type == "cpu":
        return ()
    return (name(device), torch.get_float32_matmul_precision(), *(["bf16"] if _halves(device) else []))


def frozen_part(device: torch.device) -> AbstractContextManager[Any]:
    """In which the frozen part of a network runs: on a card as what learns behind it, on the processor in float32."""
    return torch.autocast(device.type, torch.bfloat16) if _halves(device) else nullcontext()


def _halves(device: torch.device) -> bool:
    """Whether the run's arithmetic on this card is bfloat16."""
    return device.type == "cuda" and torch.get_float32_matmul_precision() == "high"  # see `_choose_arithmetic`


def laid_out(network: torch.nn.Module, device: torch.device) -> None:
    """Moves the network there, to learn: on an NVIDIA card with the channels of a pixel side by side, as its
    convolutions in bfloat16 and TF32 read them. The numbers stay the same."""
    network.to(device)
    if device.type == "cuda":
        _arranged(network, torch.channels_last)


def laid_back(network: torch.nn.Module, device: torch.device) -> None:
    """Undoes what `laid_out` did to its weights, which no file keeps."""
    if device.type == "cuda":
        _arranged(network, torch.contiguous_format)


def _arranged(network: torch.nn.Module, layout: torch.memory_format) -> None:
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.to(memory_format=layout)


@functools.cache
def matmul_precision() -> str:
    """'medium' where this processor's float32 matrix products stay exact with it, else 'highest'.

    'medium' allows oneDNN, and allows it to compute in bfloat16. Processors without fast bfloat16 units go on in
    float32, and those that are not Intel's do it twice as fast as with MKL. Where the products come out otherwise,
    in the very shapes of a layer forward and backward, everything stays as it was.
    """
    generator = torch.Generator().manual_seed(0)
    before, error = torch.get_float32_matmul_precision(), 0.0
    try:
        for rows, inner, columns in ((32, 1280, 10), (64, 384, 1536), (384, 64, 1536), (512, 512, 512)):
            a, b = torch.randn(rows, inner, generator=generator), torch.randn(inner, columns, generator=generator)
            exact = a.double() @ b.double()
            torch.set_float32_matmul_precision("medium")
            error = max(error, float((a @ b - exact).abs().max() / exact.abs().max()))
    finally:
        torch.set_float32_matmul_precision(before)
    return "medium" if error <= EXACT else "highest"


def has_bf16() -> bool:
    """Whether this processor multiplies bfloat16 in hardware: a transformer's step takes a third of the time then."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def name(device: torch.device) -> str:
    """What a person calls the device, e.g. 'NVIDIA H100' or 'CPU, 2 cores'."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return _("Apple GPU")
    return _("CPU, {get_num_threads} threads", get_num_threads=torch.get_num_threads())


def precision(chosen: Accelerator) -> str:
    """'fp32' or 'bf16'."""
    return "fp32" if chosen.mixed_precision == "no" else str(chosen.mixed_precision)


def arithmetic(chosen: Accelerator) -> str:
    """As `precision`, and on a card what its products and convolutions are: 'fp32 (IEEE)', 'bf16, TF32'."""
    said = precision(chosen)
    if chosen.device.type != "cuda":
        return said
    return f"{said} (IEEE)" if said == "fp32" else f"{said}, TF32"


def derived_seed(*parts: object) -> int:
    """A seed that depends on every part and on nothing else: the same in every process and after a resume."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:7], "big")


def seed_everything(*parts: object) -> torch.Generator:
    """Seeds torch's global generators from `parts`, and returns a generator of its own for shuffling."""
    seed = derived_seed(*parts)
    torch.manual_seed(seed)
    return torch.Generator().manual_seed(seed)


@functools.cache
def keep_freed_memory() -> bool:
    """Tells glibc to keep freed memory for the next forward pass instead of giving it back to the system.

    Where fresh pages are dear (virtual machines), forward passes run up to three times as fast. Returns whether
    the C library took it; elsewhere nothing happens.
    """
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        return False
    m_trim_threshold, m_mmap_threshold, gibibyte = -1, -3, 1 << 30
    libc = ctypes.CDLL(None)
    return bool(libc.mallopt(m_mmap_threshold, gibibyte) and libc.mallopt(m_trim_threshold, 2 * gibibyte - 1))


def give_back_memory() -> None:
    """Gives what is freed by now back to the system, which `keep_freed_memory` keeps."""
    if sys.platform == "linux" and platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


def start(settings: TrainSettings, run: Run, strategy: Strategy) -> Accelerator:
    """The device this run trains on, said aloud."""
    keep_freed_memory()
    chosen = accelerator(settings, strategy)
    note = "" if chosen.device.type != "cpu" else _(": no GPU here, training on the processor")
    if settings.device != "cpu" and found().lacking:
        note = _(": training on the processor, because {reason}", reason=found().lacking)
    run.emit("note", message=f"{name(chosen.device)}, {arithmetic(chosen)}{note}.")
    return chosen
