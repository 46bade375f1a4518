"""A network as a run has it, in words; drawn by `drawing.network`. Strategy step and result say the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engines import registry
from engines.contract import ModelCard, Network, Result, Strategy
from engines.messages import _
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
        head = _(" and a new head") if view.blocks[-1].state == "learns" else ""
        return _(
            "**:orange[Adapters]**{head} learn; {parameters} parameters stay as they came",
            head=head,
            parameters=words.parameters(view.parameters),
        )
    learning = _learning(view, view.learning)
    if view.blocks[-1].name == "correction":
        rest = words.parameters(view.parameters - view.learning)
        return _(
            "**{learning}** parameters are added and learn; {rest} stay as they came", learning=learning, rest=rest
        )
    return _(
        "**{learning}** of {parameters} parameters learn",
        learning=learning,
        parameters=words.parameters(view.parameters),
    )


def how_much_learnt(view: Network, result: Result) -> str:
    """The same of a run, with what it counted."""
    learnt = _learning(view, result.trainable_parameters)
    beside = _(" beside them") if view.learning is None else ""
    return _(
        "**{learnt}** parameters learnt{beside}, of {parameters}",
        learnt=learnt,
        beside=beside,
        parameters=words.parameters(result.parameters),
    )


def legend(view: Network) -> str:
    """What the colours mean, of those that are drawn."""
    said = {
        "frozen": _(":blue[■] frozen: stays as it came"),
        "adapter": _(":blue[■]:orange[▎] stays as it came; adapters beside it learn"),
        "learns": _(":gray[■] learns from random numbers")
        if view.strategy is Strategy.SCRATCH
        else _(":orange[■] learns from your data"),
        "left out": _(":gray[□] left out: the head reads what is in front of it"),
    }
    drawn = {block.state for block in view.blocks}
    return " · ".join(text for state, text in said.items() if state in drawn)


def _learning(view: Network, n: int) -> str:
    return f":{'gray' if view.strategy is Strategy.SCRATCH else 'orange'}[{words.parameters(n)}]"
