"""Step 3: how much of the network should learn, drawn as the choice changes."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import streamlit as st

from engines import registry
from engines.contract import ModelCard, Strategy
from ui import address, data_step, drawing, errors, train_step, uploads, words
from ui.draft import Draft, card, knows

OFTEN = ("epochs", "max_seconds", "learning_rate", "batch_size", "augment")  # settings that are shown first
FEW = 1000  # training examples below which most of the network is better left as it came


def show(draft: Draft) -> None:
    info = registry.task(draft.task).info
    model = card(draft.task, draft.model)
    report = _report(draft)
    with st.container(border=True):
        st.markdown("**How much of the network should learn?**")
        _choose(draft, info.strategies)
        choice = words.STRATEGIES[draft.strategy]
        st.caption(f"{choice.meaning} *{choice.when}*")
        _draw(draft, model, report)
        left, right = st.columns([3, 2])
        with left:
            if draft.strategy is Strategy.PARTIAL:
                _slider(draft, model)
            st.caption(
                ":blue[■] frozen: stays as it came · :orange[■] learns from your data · "
                ":gray[■] learns from random numbers"
            )
        with right:
            st.markdown(_how_much(draft, model, report))
            estimate = st.empty()
            if advice := _advice(draft, report):
                st.caption(f":material/info: {advice}")
    _settings(draft)
    if draft.path is None:
        st.caption("Bring data first, then training can start.")
        if st.button("Bring data", type="primary", icon=":material/arrow_back:"):
            address.change(step="data")
            st.rerun()
        return
    _start(draft)
    if report is None:
        return
    estimate.caption("Estimating the time …")
    with errors.calm("The time could not be estimated."):
        estimate.markdown(_time(draft, model, report))


def _report(draft: Draft) -> dict[str, Any] | None:
    return data_step.checked(draft) if draft.data else None


def _choose(draft: Draft, strategies: tuple[Strategy, ...]) -> None:
    st.session_state["strategy_switch"] = draft.strategy

    def choose() -> None:
        address.change(strategy=st.session_state["strategy_switch"], step="strategy")

    order = [s for s in words.STRATEGIES if s in strategies]
    st.segmented_control(
        "How much of the network should learn?",
        order,
        key="strategy_switch",
        on_change=choose,
        format_func=lambda s: words.STRATEGIES[s].name,
        required=True,
        label_visibility="collapsed",
        width="stretch",
    )


def _learns(draft: Draft, model: ModelCard) -> list[bool]:
    count = len(model.stages)
    match draft.strategy:
        case Strategy.FULL | Strategy.SCRATCH:
            return [True] * count
        case Strategy.PARTIAL:
            return [i >= count - draft.blocks for i in range(count)]
    return [False] * count


def _draw(draft: Draft, model: ModelCard, report: dict[str, Any] | None) -> None:
    outputs = max(len((report or {}).get("classes") or ()), 2)
    svg = drawing.network(
        [(s.name, s.parameters) for s in model.stages],
        _learns(draft, model),
        _head(model, outputs),
        scratch=draft.strategy is Strategy.SCRATCH,
        head_learns=_head_learns(draft, model),
        adapters=draft.strategy is Strategy.LORA,
        clickable=True,
    )
    clicked = drawing.draw(svg, key="network")
    if clicked is None:
        return
    blocks = len(model.stages) - clicked  # everything from the clicked block to the head
    change = {"strategy": Strategy.FEATURES} if blocks <= 0 else {"strategy": Strategy.PARTIAL, "blocks": blocks}
    if change["strategy"] in registry.task(draft.task).info.strategies:
        address.change(step="strategy", **change)
        st.rerun()


def _slider(draft: Draft, model: ModelCard) -> None:
    st.session_state["blocks_slider"] = min(draft.blocks, len(model.stages))

    def move() -> None:
        address.change(blocks=st.session_state["blocks_slider"], strategy=Strategy.PARTIAL, step="strategy")

    st.slider(
        "Blocks that learn, counted from the head",
        1,
        max(len(model.stages), 2),
        key="blocks_slider",
        on_change=move,
        help="You can also click a block in the drawing.",
    )


def _head(model: ModelCard, outputs: int) -> int:
    """Parameters of the head that the run makes, or that came with the model."""
    return (model.head_inputs + 1) * outputs if model.head_parameters is None else model.head_parameters


def _head_learns(draft: Draft, model: ModelCard) -> bool:
    stays = draft.strategy is Strategy.PARTIAL and model.head_stays and not draft.settings.get("decoder")
    came_along = draft.strategy is Strategy.LORA and model.head_parameters is not None
    return draft.strategy is not Strategy.ZERO_SHOT and not stays and not came_along


def _how_much(draft: Draft, model: ModelCard, report: dict[str, Any] | None) -> str:
    outputs = len((report or {}).get("classes") or ()) or 2
    learning = model.trainable(draft.strategy, draft.blocks, outputs)
    if draft.strategy is Strategy.PARTIAL and model.head_stays and _head_learns(draft, model):
        learning = (learning or 0) + _head(model, outputs)
    whole = sum(s.parameters for s in model.stages) + _head(model, outputs)
    if learning is None:
        return f"**:orange[Adapters]** and a new head learn; {words.parameters(whole)} parameters stay as they came"
    return f"**:orange[{words.parameters(learning)}]** of {words.parameters(whole)} parameters learn"


def _advice(draft: Draft, report: dict[str, Any] | None) -> str:
    if report is None:
        return ""
    unit = registry.task(draft.task).info.unit
    n = report["splits"].get("train", report["n_examples"])
    if n < FEW and draft.strategy is Strategy.FULL:
        return f"{n:,} {unit} is little for a whole network: the head only, or the last blocks, is the safer start."
    if n < FEW and draft.strategy is Strategy.SCRATCH:
        return f"{n:,} {unit} is very little to start from nothing."
    if n >= FEW and draft.strategy is Strategy.FEATURES:
        return f"{n:,} {unit} is enough to let the last blocks learn as well."
    return ""


@functools.cache
def _machine() -> dict[str, Any]:
    from engines.jobs import serving

    return serving.ask({"verb": "machine"})


def _time(draft: Draft, model: ModelCard, report: dict[str, Any]) -> str:
    from engines.training import cost
    from engines.training.settings import TrainSettings

    settings = registry.task(draft.task).settings.parse(draft.settings)
    if not isinstance(settings, TrainSettings):
        return ""
    machine = _machine()
    # what one of these examples costs, compared with one as on the model's card
    relative = (report.get("details") or {}).get("relative_cost", 1.0)
    sizes = {f"n_{part}": round(report["splits"].get(part, 0) * relative) for part in ("train", "test")}
    own = cost.seconds(model, draft.strategy, settings, **sizes, macs_per_second=machine["macs_per_second"])
    text = f"about **{words.duration(own)}** on this machine ({machine['device_name']})"
    if settings.baseline == "scratch" and draft.strategy is not Strategy.SCRATCH:
        more = cost.baseline_seconds(model, settings, **sizes, macs_per_second=machine["macs_per_second"])
        text += f", and {words.duration(more)} more to compare with scratch"
    return text


def _settings(draft: Draft) -> None:
    """Every setting of the task that a person may change, from its own description."""
    task = registry.task(draft.task)
    if knows(task.settings, "baseline") and draft.strategy is not Strategy.SCRATCH:
        st.session_state["baseline_toggle"] = draft.settings.get("baseline") == "scratch"

        def compare() -> None:
            _set(draft, "baseline", "scratch" if st.session_state["baseline_toggle"] else "none")

        st.toggle(
            "Also train the same network from scratch",
            key="baseline_toggle",
            on_change=compare,
            help="The same data and the same budget of epochs, from random numbers: only then can the result "
            "say what the transfer was worth. It takes the extra time named above.",
        )
    fields = [
        f for f in dataclasses.fields(task.settings) if f.name not in {"baseline", "blocks", *task.settings.reading()}
    ]
    fields.sort(key=lambda f: (f.name not in OFTEN, OFTEN.index(f.name) if f.name in OFTEN else 0))
    with st.expander("Settings", icon=":material/tune:"), st.grid(min_column_width=220):
        for field in fields:
            _field(draft, field)


def _field(draft: Draft, field: dataclasses.Field[Any]) -> None:
    value = draft.settings.get(field.name, field.default)
    key = f"set_{field.name}"
    meta = field.metadata

    def change() -> None:
        _set(draft, field.name, st.session_state[key])

    label = field.name.replace("_", " ").capitalize()
    st.session_state[key] = value
    if meta.get("choices"):
        st.selectbox(label, meta["choices"], key=key, help=meta["help"], on_change=change)
    elif isinstance(field.default, bool):
        st.toggle(label, key=key, help=meta["help"], on_change=change)
    else:
        st.session_state[key] = "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
        st.text_input(label, key=key, help=meta["help"], on_change=change, placeholder="automatic")


def _set(draft: Draft, name: str, value: Any) -> None:
    """Keep a setting in the address when it differs from the default; say so when it makes no sense."""
    task = registry.task(draft.task)
    here = address.read()
    chosen = {**dict(here.settings), name: value}
    with errors.calm("This setting could not be changed."):
        task.settings.parse({name: value})
        address.put(dataclasses.replace(here.with_settings(chosen), step="strategy"))


def _start(draft: Draft) -> None:
    if st.button("Start training", type="primary", icon=":material/play_arrow:"):
        title = uploads.origin(draft.data).title if draft.data else ""
        train_step.start(draft, title)
