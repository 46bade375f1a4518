"""What makes the processor wait for a card, counted on any machine: the operations, not the time that they take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

WAITS = ("_local_scalar_dense", "nonzero", "_unique", "unique", "bincount", "masked_select")
"""Numbers that are read, and shapes that depend on values."""
BY_MASK = ("index", "index_put")
"""Those too, where they are given a mask."""


class Waits(TorchDispatchMode):
    """While it is entered, `seen` counts them by name, on whatever device they are."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Sequence[type], args: Any = (), kwargs: Any = None) -> Any:
        name = str(func).removeprefix("aten.").split(".")[0]
        if name.startswith(WAITS) or name.startswith(BY_MASK) and masked(args):
            self.seen[name] += 1
        return func(*args, **(kwargs or {}))

    @property
    def count(self) -> int:
        return sum(self.seen.values())


def masked(args: Sequence[Any]) -> bool:
    """Whether an operation is given a mask to index by."""
    given = args[1] if len(args) > 1 and isinstance(args[1], list | tuple) else ()
    return any(isinstance(one, torch.Tensor) and one.dtype in (torch.bool, torch.uint8) for one in given)
