"""Where a run computes, in which precision, and from which seed."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import platform
import sys
from typing import TYPE_CHECKING

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from engines.contract import InputError, Problem, Run, Strategy
from engines.messages import _

if TYPE_CHECKING:
    from engines.training.settings import TrainSettings


EXACT = 1e-5
"""The largest error of a float32 matrix product that is taken for rounding; bfloat16 makes errors of some 1e-3."""


def accelerator(settings: TrainSettings, strategy: Strategy = Strategy.FULL) -> Accelerator:
    """A fresh Accelerator on the GPU if there is one (and the settings allow it), else on the CPU.

    Raises InputError for a precision that the device lacks.
    """
    AcceleratorState._reset_state(reset_partial_state=True)  # one process may do several runs, in other precisions
    on_cpu = settings.device == "cpu" or not (torch.cuda.is_available() or torch.backends.mps.is_available())
    precision = settings.mixed_precision
    if precision == "fp16" and (on_cpu or not torch.cuda.is_available()):
        accepted = _("fp16 needs an NVIDIA GPU, accepted here: auto, no, bf16")
        raise InputError(Problem(_("setting mixed_precision"), _("found 'fp16'"), accepted))
    if precision == "auto":
        on_gpu = not on_cpu and torch.cuda.is_available() and torch.cuda.is_bf16_supported()
        precision = "bf16" if on_gpu or (on_cpu and strategy in settings.bf16_on_cpu and has_bf16()) else "no"
    torch.set_float32_matmul_precision(matmul_precision() if on_cpu else "highest")
    return Accelerator(cpu=on_cpu, mixed_precision=precision)


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
    """'fp32', 'bf16' or 'fp16'."""
    return "fp32" if chosen.mixed_precision == "no" else str(chosen.mixed_precision)


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


def start(settings: TrainSettings, run: Run, strategy: Strategy) -> Accelerator:
    """The device this run trains on, said aloud."""
    keep_freed_memory()
    chosen = accelerator(settings, strategy)
    note = "" if chosen.device.type != "cpu" else _(": no GPU here, training on the processor")
    run.emit("note", message=f"{name(chosen.device)}, {precision(chosen)}{note}.")
    return chosen
