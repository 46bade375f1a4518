"""A card that is none: tensors that say they lie on one and are computed with on the processor.

What a real one would be waited for is counted, and what it would refuse, two devices in one operation, is refused.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing

from benchmarks.cards.waits import BY_MASK, WAITS, masked
from engines.training import devices, loop
from engines.training.card import room

CARD = torch.device("cuda:0")
MAY_MIX = ("_to_copy", "copy_", "index", "_ctc_loss", "_pack_padded_sequence", "set_")
"""What takes tensors of the processor beside those of a card."""


class OnCard(Tensor):
    """Says that it lies on the card; `own` is where it does. To torch's own code it has no data ('meta'): that has no
    other device's ways of computing, and asks no driver."""

    own: Tensor
    device = CARD  # type: ignore[assignment]
    is_meta, is_cuda, is_cpu = False, True, False  # type: ignore[assignment]

    @staticmethod
    def __new__(cls, own: Tensor) -> OnCard:
        made: OnCard = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            own.shape,
            strides=own.stride(),
            storage_offset=own.storage_offset(),
            dtype=own.dtype,
            device="meta",
            requires_grad=own.requires_grad,
        )
        made.own = own
        return made

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        del tensor_contents
        return f"OnCard({self.own!r})"

    def __getitem__(self, at: Any) -> Tensor:
        each = at if isinstance(at, tuple) else (at,)
        return super().__getitem__(tuple(torch.tensor(one) if isinstance(one, list) else one for one in each))

    def tolist(self) -> Any:
        return self.cpu().tolist()

    def numpy(self, *, force: bool = False) -> Any:
        del force
        raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first")

    def __array__(self, dtype: Any = None) -> Any:
        return self.numpy()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        return computed(func, args, kwargs or {}, Counter())

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]


class Card(TorchDispatchMode):
    """While it is entered there is one. `steps`: what it was waited for in each step of learning, but an epoch's last,
    with which the epoch's own numbers are read."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: Counter[str] = Counter()
        self.steps: list[Counter[str]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        return computed(func, args, kwargs or {}, self.seen)


def computed(func: Any, args: Any, kwargs: Any, seen: Counter[str]) -> Any:
    name = str(func).removeprefix("aten.").split(".")[0]
    given = [each for each in pytree.tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
    there = any(isinstance(each, OnCard) for each in given)
    asked = kwargs.get("device")
    if asked is not None:
        kwargs = {**kwargs, "device": torch.device("cpu"), **({"pin_memory": False} if "pin_memory" in kwargs else {})}
        stays = torch.device(asked).type in {"cuda", "meta"}
    else:
        stays = there
    if there and not name.startswith(MAY_MIX):
        away = [each for each in given if not isinstance(each, OnCard) and each.ndim]
        if away:
            raise RuntimeError(f"Expected all tensors to be on the same device: {func}, {[e.shape for e in away]}")
    if there and (name.startswith(WAITS) or name.startswith(BY_MASK) and masked(args)):
        seen[name] += 1
    if (name == "_to_copy" and there and not stays) or (
        name == "copy_" and isinstance(args[1], OnCard) and not isinstance(args[0], OnCard)
    ):
        seen["copy to the processor"] += 1
    if name == "_fused_sdp_choice":
        return 0  # by products and a softmax: the others are a device's own
    inner = pytree.tree_map_only(OnCard, lambda each: each.own, (args, kwargs))
    made = func(*inner[0], **inner[1])
    if name == "copy_" or not stays:
        return args[0] if name == "copy_" else made
    wrapped = pytree.tree_map_only(Tensor, lambda each: each if isinstance(each, OnCard) else OnCard(each), made)
    return return_and_correct_aliasing(func, args, kwargs, wrapped) if there else wrapped


def to(network: nn.Module, *given: Any, **named: Any) -> nn.Module:
    """`nn.Module.to`, with new parameters in the place of the old: what a tensor says of its device never changes."""
    device, dtype, _, layout = torch._C._nn._parse_to(*given, **named)
    moved: dict[int, Any] = {}
    for module in network.modules():
        for kept in (module._parameters, module._buffers):
            for name, one in kept.items():
                if one is None:
                    continue
                if id(one) not in moved:
                    there = one.detach().to(device, dtype if one.is_floating_point() else None)
                    if layout is not None and one.ndim == 4:
                        there = there.contiguous(memory_format=layout)
                    moved[id(one)] = nn.Parameter(there, one.requires_grad) if kept is module._parameters else there
                kept[name] = moved[id(one)]
    return network


class Prepared:
    """What runs ask of accelerate, of float32 on the card."""

    def __init__(self) -> None:
        self.device, self.mixed_precision = CARD, "no"
        self._models: list[Any] = []
        self._optimizers: list[Any] = []

    def prepare(self, *given: Any) -> Any:
        return given if len(given) > 1 else given[0]

    def autocast(self) -> Any:
        return contextlib.nullcontext()

    def backward(self, loss: Tensor) -> None:
        loss.backward()

    def clip_grad_norm_(self, parameters: Sequence[nn.Parameter], most: float) -> None:
        nn.utils.clip_grad_norm_(parameters, most)

    def unwrap_model(self, network: Any, **given: Any) -> Any:
        del given
        return network


@contextlib.contextmanager
def card(patch: pytest.MonkeyPatch) -> Iterator[Card]:
    """A machine that has one, of which 8 GiB are free."""
    patch.setattr(torch.cuda, "_lazy_init", lambda: None)
    patch.setattr(torch.cuda, "get_device_name", lambda *_: "Pretended")
    patch.setattr(nn.Module, "to", to)
    patch.setattr(devices, "found", lambda: devices.Found("cuda"))
    patch.setattr(devices, "_card_has_bf16", lambda: False)
    patch.setattr(devices, "_choose_arithmetic", lambda *_: None)
    patch.setattr(devices, "Accelerator", lambda **_: Prepared())
    patch.setattr(room, "workers", lambda *_, **__: 0)  # which would pin memory
    patch.setattr(room, "free_bytes", lambda device: 8 << 30 if device.type == "cuda" else 0)
    made = Card()
    epoch = loop.Feed.epoch

    def by_step(feed: loop.Feed, drawn: Sequence[Tensor], *given: Any) -> Iterator[Any]:
        before: Counter[str] | None = None
        for batch in epoch(feed, drawn, *given):
            if before is not None:
                made.steps.append(made.seen - before)
            before = made.seen.copy()
            yield batch

    patch.setattr(loop.Feed, "epoch", by_step)
    before_lifting = torch._C._only_lift_cpu_tensors()
    torch._C._set_only_lift_cpu_tensors(True)  # torch.tensor(…, device=card) is made here, and then brought there
    try:
        with made:
            yield made
    finally:
        torch._C._set_only_lift_cpu_tensors(before_lifting)
