"""Any transformer of Transformers, entered at any of its blocks: what a block is called with, the model says itself."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from engines.training.tokens import Tokens

LAST_NORMS = ("norm", "ln_f", "final_layer_norm", "final_layernorm", "final_norm", "layer_norm")
"""What models call the normalisation behind their last block."""


def blocks_of(model: nn.Module) -> nn.ModuleList:
    """The list of the model's blocks. Raises ValueError where it is not clear which that is."""
    lists = [module for module in model.modules() if isinstance(module, nn.ModuleList)]
    inner = {id(m) for found in lists for block in found for m in block.modules()}
    outer = [found for found in lists if id(found) not in inner and len(found)]
    if len(outer) != 1:
        raise ValueError(f"{len(outer)} lists of blocks")
    return outer[0]


def last_norm(model: nn.Module, blocks: nn.ModuleList) -> nn.Module | None:
    """The normalisation behind the last block: it stands beside the list of blocks."""
    for module in model.modules():
        if any(child is blocks for child in module.children()):
            return next((child for name, child in module.named_children() if name in LAST_NORMS), None)
    return None


class _Reached(Exception):
    """Carries what the first block was called with."""


def entering(
    model: nn.Module, blocks: nn.ModuleList, ids: Tensor, mask: Tensor | None
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """(args, kwargs) of the first block: the embedded tokens, then masks and positions, made by the model itself.

    All but the first depend on the mask alone, so that the later blocks can be entered with them.
    """

    def catch(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        raise _Reached(args, kwargs)

    handle = blocks[0].register_forward_pre_hook(catch, with_kwargs=True)
    try:
        model(input_ids=ids, attention_mask=mask)
    except _Reached as reached:
        args, kwargs = reached.args
        return args, kwargs
    finally:
        handle.remove()
    raise RuntimeError("the first block was never reached")


def embedded(model: nn.Module, blocks: nn.ModuleList, tokens: Tokens) -> Tokens:
    """What the first block reads, from ids (W, T)."""
    (values, *args), kwargs = entering(model, blocks, tokens.values, tokens.attention_mask)
    return tokens.with_values(values, context=(args, kwargs))


def through(model: nn.Module, blocks: nn.ModuleList, number: int, tokens: Tokens) -> Tokens:
    """One block, from the outputs (W, T, D) of the one before it."""
    context = tokens.context
    if context is None:  # the frozen part lies behind us: the masks are made anew
        ids = torch.zeros(tokens.mask.shape, dtype=torch.int64, device=tokens.mask.device)
        (_, *rest), named = entering(model, blocks, ids, tokens.attention_mask)
        context = (rest, named)
    args, kwargs = context
    output = blocks[number](tokens.values, *args, **kwargs)
    return tokens.with_values(output[0] if isinstance(output, tuple) else output, context=context)
