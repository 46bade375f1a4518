"""Step 3: how much of the network should learn, drawn as the choice changes."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import streamlit as st

from engines import registry
from engines.contract import ModelCard, Settings, Strategy
from ui import address, by_hand, data_step, drawing, errors, train_step, uploads, words
from ui.draft import Draft, card, folds, knows, strategies

OFTEN = (
    "real_steps", "sim_steps", "repeats", "episodes", "epochs", "max_seconds", "learning_rate", "batch_size", "augment",
)  # settings that are shown first  # fmt: skip
FEW = 1000  # training examples below which most of the network is better left as it came


def show(draft: Draft, own: Callable[[Draft, dict[str, Any] | None], bool] | None = None) -> None:
    """`own` draws what a domain has to say of the chosen strategy, in place of an estimate of the time: it gets the
    data's report, None while there are no data, and says whether training from scratch can be compared with."""
    model = card(draft.task, draft.model)
    report = _report(draft)
    with st.container(border=True):
        st.markdown(f"**{words.question(draft.task)}**")
        _choose(draft, strategies(draft))
        choice = words.choices(draft.task)[draft.strategy]
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
            if not own and (advice := _advice(draft, report)):
                st.caption(f":material/info: {advice}")
        compares = own(draft, report) if own else True
    _settings(draft, compares)
    if draft.path is None:
        st.caption("Bring data first, then training can start.")
        if st.button("Bring data", type="primary", icon=":material/arrow_back:"):
            address.change(step="data")
            st.rerun()
        return
    _start(draft)
    if report is None or own:
        return
    estimate.caption("Estimating the time …")
    with errors.calm("The time could not be estimated."):
        estimate.markdown(_time(draft, model, report))


def _report(draft: Draft) -> dict[str, Any] | None:
    return data_step.checked(draft) if draft.data else None


def _choose(draft: Draft, offered: tuple[Strategy, ...]) -> None:
    st.session_state["strategy_switch"] = draft.strategy

    def choose() -> None:
        address.change(strategy=st.session_state["strategy_switch"], step="strategy")

    choices = words.choices(draft.task)
    order = [s for s in choices if s in offered]
    st.segmented_control(
        words.question(draft.task),
        order,
        key="strategy_switch",
        on_change=by_hand.changed("strategy_switch", choose),
        format_func=lambda s: choices[s].name,
        required=True,
        label_visibility="collapsed",
        width="stretch",
    )


def _learns(draft: Draft, model: ModelCard) -> list[bool]:
    count = len(model.stages)
    if draft.strategy is Strategy.LORA:  # only what is added learns
        return [False] * count
    boundary = draft.strategy.boundary(count, draft.blocks)
    return [i >= boundary for i in range(count)]


def _draw(draft: Draft, model: ModelCard, report: dict[str, Any] | None) -> None:
    stages, learns = [(s.name, s.parameters) for s in model.stages], _learns(draft, model)
    head, name = _head(model, _outputs(report)), words.head(draft.task)
    if _corrects(draft, model):
        stages, learns = [*stages, (name, head)], [*learns, False]
        head, name = model.correction_parameters or 0, "correction"
    svg = drawing.network(
        stages,
        learns,
        head,
        head_name=name,
        scratch=draft.strategy is Strategy.SCRATCH,
        head_learns=_head_learns(draft, model),
        adapters=draft.strategy is Strategy.LORA,
        clickable=Strategy.PARTIAL in registry.task(draft.task).info.strategies,
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
        on_change=by_hand.changed("blocks_slider", move),
        help="You can also click a block in the drawing.",
    )


def _corrects(draft: Draft, model: ModelCard) -> bool:
    """Whether what learns stands beside the whole network, which stays as it came."""
    return draft.strategy is Strategy.FEATURES and model.correction_parameters is not None


def _outputs(report: dict[str, Any] | None) -> int:
    """Of a new head: one a class. Two while the data are not known; none where the task has no classes."""
    return 2 if report is None else len(report["classes"])


def _head(model: ModelCard, outputs: int) -> int:
    """Parameters of the head that the run makes, or that came with the model; 0 where there is none."""
    return (model.head_inputs + 1) * outputs if model.head_parameters is None else model.head_parameters


def _head_learns(draft: Draft, model: ModelCard) -> bool:
    stays = draft.strategy is Strategy.PARTIAL and model.head_stays and not draft.settings.get("decoder")
    came_along = draft.strategy is Strategy.LORA and model.head_parameters is not None
    return draft.strategy is not Strategy.ZERO_SHOT and not stays and not came_along


def _how_much(draft: Draft, model: ModelCard, report: dict[str, Any] | None) -> str:
    outputs = _outputs(report)
    learning = model.trainable(draft.strategy, draft.blocks, outputs)
    if draft.strategy is Strategy.PARTIAL and model.head_stays and _head_learns(draft, model):
        learning = (learning or 0) + _head(model, outputs)
    whole = sum(s.parameters for s in model.stages) + _head(model, outputs)
    if _corrects(draft, model):
        added = words.parameters(learning or 0)
        return f"**:orange[{added}]** parameters are added and learn; {words.parameters(whole)} stay as they came"
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
    if in_folds := folds(draft, report):
        sizes = {"n_train": round(report["n_examples"] * relative), "n_test": 0, "folds": in_folds}
    own = cost.seconds(model, draft.strategy, settings, **sizes, macs_per_second=machine["macs_per_second"])
    text = f"about **{words.duration(own)}** on this machine ({machine['device_name']})"
    if settings.baseline == "scratch" and draft.strategy is not Strategy.SCRATCH:
        more = cost.baseline_seconds(model, settings, **sizes, macs_per_second=machine["macs_per_second"])
        text += f", and {words.duration(more)} more to compare with scratch"
    return text


def _settings(draft: Draft, compares: bool) -> None:
    """Every setting of the task that a person may change, from its own description."""
    task = registry.task(draft.task)
    if compares and _can_compare(task.settings) and draft.strategy is not Strategy.SCRATCH:
        st.session_state["baseline_toggle"] = draft.settings.get("baseline") == "scratch"

        def compare() -> None:
            choose_setting(draft, "baseline", "scratch" if st.session_state["baseline_toggle"] else "none")

        label, help = words.compared(draft.task)
        st.toggle(label, key="baseline_toggle", on_change=by_hand.changed("baseline_toggle", compare), help=help)
    elsewhere = {"baseline", "blocks", *task.settings.reading(), *task.settings.hidden}
    fields = [f for f in dataclasses.fields(task.settings) if f.name not in elsewhere]
    fields.sort(key=lambda f: (f.name not in OFTEN, OFTEN.index(f.name) if f.name in OFTEN else 0))
    with st.expander("Settings", icon=":material/tune:"), st.grid(min_column_width=220):
        for field in fields:
            _field(draft, field)


def _can_compare(settings: type[Settings]) -> bool:
    """Whether a run can train the same network from scratch beside it."""
    if not knows(settings, "baseline"):
        return False
    return "scratch" in (settings.__dataclass_fields__["baseline"].metadata["choices"] or ())


def _field(draft: Draft, field: dataclasses.Field[Any]) -> None:
    value = draft.settings.get(field.name, field.default)
    key = f"set_{field.name}"
    meta = field.metadata

    def change() -> None:
        choose_setting(draft, field.name, st.session_state[key])

    label = field.name.replace("_", " ").capitalize()
    st.session_state[key] = value
    if meta.get("choices"):
        st.selectbox(label, meta["choices"], key=key, help=meta["help"], on_change=by_hand.changed(key, change))
    elif isinstance(field.default, bool):
        st.toggle(label, key=key, help=meta["help"], on_change=by_hand.changed(key, change))
    else:
        st.session_state[key] = "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
        st.text_input(
            label, key=key, help=meta["help"], on_change=by_hand.changed(key, change), placeholder="automatic"
        )


def choose_setting(draft: Draft, name: str, value: Any) -> None:
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
