"""What to do when the memory of the machine or its graphics card does not suffice: less at a time, then a sentence."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import torch

from engines.contract import InputError, Problem
from engines.messages import _, told
from engines.training.settings import TrainSettings

Made = TypeVar("Made")
WORDS = (_("out of memory"), "can't allocate memory", "not enough memory", _("cannot allocate memory"))
"""How torch's allocators and cuDNN say it, where they do not raise a kind of error of their own."""


def ran_out(error: BaseException) -> bool:
    """Whether `error` says that memory did not suffice, on a card or in the machine."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in told(WORDS))


def free() -> None:
    """Gives back what nothing on the card uses any more. Call it when the error is no longer being handled: its
    traceback holds on to everything till then."""
    if torch.cuda.is_available():
        gc.collect()
        torch.cuda.empty_cache()


def halved(settings: TrainSettings, times: int) -> TrainSettings:
    """The settings with batches halved so often, and as many more of them in a step, which has as many examples."""
    size = max(1, settings.batch_size >> times)
    group = round(settings.batch_size * settings.gradient_accumulation / size)
    return replace(settings, batch_size=size, gradient_accumulation=group)


def in_smaller_batches(work: Callable[[int], Made], size: int) -> Made:
    """`work(size)`, with half of the size whenever memory does not suffice. Nothing that it makes may depend on it.

    Raises InputError when even one example is too much.
    """
    while True:
        try:
            return work(size)
        except Exception as error:
            if not ran_out(error):
                raise
        free()
        if size == 1:
            raise too_large()
        size //= 2


def too_large() -> InputError:
    """One example at a time is still too much."""
    found = _("there is not enough memory for this network, even with one example at a time")
    return InputError(Problem("memory", found, _("try smaller inputs, a smaller model or less of it learning")))
