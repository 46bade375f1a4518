"""A network as a run has it, in words; drawn by `drawing.network`. Strategy step and result say the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engines import registry
from engines.contract import ModelCard, Network, Result, Strategy
from ui.page import words


def of(
    task: str, model: ModelCard, strategy: Strategy, settings: Mapping[str, Any], blocks: int, outputs: int
) -> Network:
    """What these choices make of the model, in the words of its task."""
    head, depth = registry.task(task).info.words.head, int(settings.get("depth", 0))
    learns = bool(settings.get("decoder"))
    return model.network(strategy, blocks, outputs, head_name=head, head_learns=learns, depth=depth)


def how_much(view: Network) -> str:
    """How many parameters will learn."""
    if view.learning is None:
        head = " and a new head" if view.blocks[-1].state == "learns" else ""
        return f"**:orange[Adapters]**{head} learn; {words.parameters(view.parameters)} parameters stay as they came"
    learning = _learning(view, view.learning)
    if view.blocks[-1].name == "correction":
        rest = words.parameters(view.parameters - view.learning)
        return f"**{learning}** parameters are added and learn; {rest} stay as they came"
    return f"**{learning}** of {words.parameters(view.parameters)} parameters learn"


def how_much_learnt(view: Network, result: Result) -> str:
    """The same of a run, with what it counted."""
    learnt = _learning(view, result.trainable_parameters)
    beside = " beside them" if view.learning is None else ""
    return f"**{learnt}** parameters learnt{beside}, of {words.parameters(result.parameters)}"


def legend(view: Network) -> str:
    """What the colours mean, of those that are drawn."""
    said = {
        "frozen": ":blue[■] frozen: stays as it came",
        "adapter": ":blue[■]:orange[▎] stays as it came; adapters beside it learn",
        "learns": ":gray[■] learns from random numbers"
        if view.strategy is Strategy.SCRATCH
        else ":orange[■] learns from your data",
        "left out": ":gray[□] left out: the head reads what is in front of it",
    }
    drawn = {block.state for block in view.blocks}
    return " · ".join(text for state, text in said.items() if state in drawn)


def _learning(view: Network, n: int) -> str:
    return f":{'gray' if view.strategy is Strategy.SCRATCH else 'orange'}[{words.parameters(n)}]"
