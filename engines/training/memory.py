"""What to do when the memory of the machine or its graphics card does not suffice: less at a time, then a sentence.

Light: whoever tells of a failure asks it, with or without torch.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from engines.contract import InputError, Problem
from engines.messages import _
from engines.training.settings import TrainSettings

Made = TypeVar("Made")
CARD = ("out of memory", "out_of_memory", "_status_alloc_failed", "_device_allocation_failed")
"""How CUDA ('CUDA error: out of memory', CUDA_ERROR_OUT_OF_MEMORY), cuBLAS and cuDNN (CUBLAS_STATUS_ALLOC_FAILED) and
Apple's cards ('MPS backend out of memory') say it, where they raise no kind of error of their own."""
MACHINE = ("can't allocate memory", "not enough memory", "cannot allocate memory")
"""How torch's allocators on the processor say it."""


def ran_out(error: BaseException) -> bool:
    """Whether `error` says that memory did not suffice, on a card or in the machine."""
    return on_card(error) or isinstance(error, MemoryError) or _says(error, MACHINE)


def on_card(error: BaseException) -> bool:
    """Whether it was a card's memory."""
    return type(error).__name__ == "OutOfMemoryError" or _says(error, CARD)


def _says(error: BaseException, words: tuple[str, ...]) -> bool:
    return isinstance(error, RuntimeError) and any(each in str(error).lower() for each in words)


def free() -> None:
    """Gives back what nothing on the card uses any more. Call it when the error is no longer being handled: its
    traceback holds on to everything till then."""
    import torch

    if torch.cuda.is_available():
        gc.collect()
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        gc.collect()
        torch.mps.empty_cache()


def halved(settings: TrainSettings, times: int) -> TrainSettings:
    """The settings with batches halved so often, and as many more of them in a step, which has as many examples."""
    size = max(1, settings.batch_size >> times)
    group = round(settings.batch_size * settings.gradient_accumulation / size)
    return replace(settings, batch_size=size, gradient_accumulation=group)


def in_smaller_batches(work: Callable[[int], Made], size: int) -> Made:
    """`work(size)`, with half of the size whenever memory does not suffice: of a card's once more with the same first,
    because another program may have had it for a moment. Nothing that it makes may depend on the size.

    Raises InputError when even one example is too much.
    """
    once_more = True
    while True:
        try:
            return work(size)
        except Exception as error:
            if not ran_out(error):
                raise
            again = once_more and on_card(error)
        free()
        once_more = False
        if again:
            continue
        if size == 1:
            raise too_large()
        size //= 2


def too_large() -> InputError:
    """One example at a time is still too much."""
    found = _("there is not enough memory for this network, even with one example at a time")
    return InputError(Problem("memory", found, _("try smaller inputs, a smaller model or less of it learning")))
