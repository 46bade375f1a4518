"""The GE2E speaker encoder as stages. Wan et al. 2018, 'Generalized end-to-end loss for speaker verification';
weights and sizes are those of the package resemblyzer."""

from __future__ import annotations

import re
from collections.abc import Callable

from torch import Tensor, nn

from engines import weights
from engines.contract import InputError, ModelCard, Problem
from engines.speech.models.ge2e_network import LAYERS, Encoder
from engines.training.devices import seed_everything
from engines.training.staged import Staged, StageModule


def build(card: ModelCard, outputs: int, *, pretrained: bool, seed: int, depth: int = 0) -> Staged:
    """The encoder with a fresh head of `outputs` voices; with `depth`, only its first so many layers. Raises
    weights.WeightsUnavailable, and InputError for weights that do not fit."""
    seed_everything(seed, "weights")
    model = Encoder(outputs, depth or LAYERS)
    if pretrained:
        path = weights.fetch(card)
        try:
            own, came = model.state_dict(), ours(weights.read(path))
            if len(model.lstm) < LAYERS:
                came = {name: tensor for name, tensor in came.items() if name in own}
            model.load_state_dict(came | {name: tensor for name, tensor in own.items() if "head" in name})
        except (RuntimeError, KeyError) as error:
            found = f"{path.name} holds weights of another network"
            raise InputError(Problem(f"model {card.name}", found, "accepted: its own weights")) from error
    return staged(model)


def ours(checkpoint: dict[str, Tensor]) -> dict[str, Tensor]:
    """The encoder's tensors under our names, out of resemblyzer's checkpoint or of one saved here."""
    state = checkpoint.get("model_state", checkpoint)
    renamed = {}
    for name, tensor in state.items():  # type: ignore[union-attr]  # theirs is a dict of dicts, ours one of tensors
        if re.fullmatch(r"lstm\.\w+_l\d", name):
            renamed[f"lstm.{name[-1]}.{name.removeprefix('lstm.')[:-1]}0"] = tensor
        elif name.startswith(("lstm.", "linear.")):
            renamed[name] = tensor
    return renamed


def staged(model: Encoder) -> Staged:
    """One stage a layer; the projection goes with the last."""
    layers = len(model.lstm)

    def layer(number: int) -> Callable[[Tensor], Tensor]:
        def run(x: Tensor) -> Tensor:
            states = model.layer(x, number)
            return model.project(states) if number == layers - 1 else states

        return run

    def modules(number: int) -> Callable[[], tuple[nn.Module, ...]]:
        last = (model.linear,) if number == LAYERS - 1 else ()
        return lambda: (model.lstm[number], *last)

    stages = [StageModule(f"{i + 1}", layer(i), modules(i)) for i in range(layers)]
    return Staged(model, stages, lambda: model.head, ends_early=layers < LAYERS)
