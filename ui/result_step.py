"""Step 5: what came out. The verdict in words first, then its two numbers, then what is behind them."""

from __future__ import annotations

import streamlit as st

from engines import registry
from engines.contract import Recipe, Result, Strategy, TaskInfo
from engines.jobs.backend import backend
from ui import (
    address,
    calibration,
    drawing,
    errors,
    frame,
    mistakes,
    rate_search,
    recorded,
    take_home,
    train_step,
    try_it,
    words,
)

RIVALS = {"scratch": ":gray[■] Same network from scratch", "zero_shot": ":blue[■] The model as it came"}
VERDICTS = {
    "pays": ("green", ":material/trending_up:", "Transfer pays"),
    "undecided": ("yellow", ":material/drag_handle:", "Undecided"),
    "hurts": ("red", ":material/trending_down:", "Transfer hurts"),
}


def show(found: recorded.Finished, camera: bool = False) -> None:
    """Everything about a finished run of a classifier of pictures. With `camera`, new ones can come from it."""
    info = registry.task(found.recipe.task).info
    verdict(info, found)
    how_it_learnt(info, found)
    details = found.result.details
    left, right = st.columns([1, 1])
    if details.get("confusion"):
        with left, frame.card("Where it is wrong", help="Rows are the true classes, columns what the model said."):
            st.fragment(mistakes.confusion)(info, found)
    with right, frame.card("Its most confident mistakes", help="Look here first: wrong labels show up here too."):
        st.fragment(mistakes.worst)(info, found)
    if details.get("confusion"):
        st.fragment(mistakes.browser)(info, found)
    if details.get("calibration"):
        st.fragment(calibration.show)(info, found)
    kept_and_trained(found)
    left, right = st.columns([1, 1])
    with left, frame.card("Try it"):
        try_it.show(info, found, camera)
    with right, frame.card("Take it home"):
        take_home.show(info, found)
    what_next(found)
    small_print(info, found)


# --- the verdict ----------------------------------------------------------------------------------


def verdict(info: TaskInfo, found: recorded.Finished) -> None:
    result = found.result
    name = _model_title(found.recipe)
    with st.container(border=True, key="verdict"):
        words_, own, scratch = st.columns([5, 3, 3], vertical_alignment="center")
        rests_on = f"{_tested_on(info, result)} · seed {result.seed}"
        with words_:
            if result.verdict:
                colour, icon, short = VERDICTS[result.verdict.verdict]
                sentence, line = words.verdict(result.verdict, result.metric)
                st.badge(short, icon=icon, color=colour)  # type: ignore[arg-type]
                st.markdown(f"### {sentence}")
                st.caption(f"{line} · {rests_on}")
            else:
                title = info.metric_title
                st.markdown(f"### {title} {words.metric(result.metric, result.value)}")
                why = "the from-scratch baseline was not trained" if info.rival == "scratch" else "nothing was learnt"
                st.caption(f"{rests_on} · nothing to compare with: {why}")
        learnt = ":gray[■]" if result.strategy == Strategy.SCRATCH else ":orange[■]"
        strategy = words.strategy(result.strategy, _blocks(found.recipe)).lower()
        with own:
            _number(info, f"{learnt} {name}, {strategy}", result.value, result.low, result.high)
        with scratch:
            rival = result.verdict.against if result.verdict else info.rival
            baseline = result.baselines.get(rival)
            if baseline is not None and rival in RIVALS:
                d = result.baseline_details.get(rival, {})
                _number(info, RIVALS[rival], baseline, d.get("low"), d.get("high"))
                if "there" in d:
                    there = words.metric(info.metric, d["there"])
                    st.caption(f"on {d['n']:,} of the {info.unit}, where the pretrained one has {there}")


def _tested_on(info: TaskInfo, result: Result) -> str:
    if folds := result.details.get("folds"):
        return f"each of {words.count(result.n_test, info.unit)} tested once, in {folds} folds"
    return words.count(result.n_test, "test " + info.unit)


def _number(info: TaskInfo, label: str, value: float, low: float | None, high: float | None) -> None:
    st.metric(label, words.metric(info.metric, value), help=f"{info.metric_title}: {info.metric_help}")
    if low is not None and high is not None:
        st.caption(f"{words.interval(info.metric, low, high)}, 95 % interval")


def _model_title(recipe: Recipe) -> str:
    known = {c.name: c.title for c in registry.task(recipe.task).models()}
    return known.get(recipe.model, recipe.model)


def _blocks(recipe: Recipe) -> int:
    return int(recipe.settings.get("blocks", getattr(registry.task(recipe.task).settings(), "blocks", 1)))


# --- what is behind it ----------------------------------------------------------------------------


def how_it_learnt(info: TaskInfo, found: recorded.Finished) -> None:
    """Its curves; nothing where nothing was trained."""
    if found.epochs:
        with frame.card("How it learnt"):
            train_step.curves(info, found.epochs, found.result.strategy, key="result", finished=True)
            rate_search.show(found.searches)


def kept_and_trained(found: recorded.Finished) -> None:
    """The network, block by block: what stayed as it came and what learnt."""
    if found.result.details.get("stages"):
        with frame.card("What was kept and what was trained"):
            _network(found)


def _network(found: recorded.Finished) -> None:
    result, stages = found.result, found.result.details["stages"]
    scratch = result.strategy == Strategy.SCRATCH
    svg = drawing.network(
        [(str(s["name"]), int(s["parameters"])) for s in stages],
        [bool(s["trainable"]) for s in stages],
        int(result.details.get("head_parameters") or 0),
        head_name=str(result.details.get("head_name") or "head"),
        scratch=scratch,
        head_learns=result.details.get("head_learns", result.strategy != Strategy.ZERO_SHOT),
        adapters=result.strategy == Strategy.LORA,
    )
    drawing.draw(svg, key="result_network")
    if frozen := result.details.get("frozen"):
        worse = frozen["verdict"] == "hurts"
        (st.warning if worse else st.caption)(words.plain(frozen["text"]))
    learnt = "learnt from random numbers" if scratch else "learnt from your data"
    colour = "gray" if scratch else "orange"
    st.caption(
        f":blue[■] came with the model, frozen · :{colour}[■] {learnt}: "
        f"{words.parameters(result.trainable_parameters)} of {words.parameters(result.parameters)} parameters"
    )


# --- what to do now -------------------------------------------------------------------------------


def what_next(found: recorded.Finished) -> None:
    advice = found.result.details.get("next")
    if not advice:
        return
    with frame.card("What to try next"):
        text, button = st.columns([3, 2], vertical_alignment="center")
        text.markdown(advice["text"])
        if not advice.get("strategy") or recorded.is_recorded(found.run):
            return
        settings = {**found.recipe.settings, **(advice.get("settings") or {})}
        learns = words.strategy(advice["strategy"], settings.get("blocks"), found.recipe.task).lower()
        label = f"Train again: {learns}"
        if button.button(label, type="primary", icon=":material/play_arrow:", width="stretch"):
            with errors.calm("The run could not be started."):
                recipe = found.recipe
                again = Recipe(
                    task=recipe.task,
                    data=recipe.data,
                    test=recipe.test,
                    model=recipe.model,
                    strategy=Strategy(advice["strategy"]),
                    seed=recipe.seed,
                    settings=settings,
                    title=recipe.title,
                )
                address.put(address.Address(run=backend().submit(again), data=address.read().data))
                st.rerun()


def small_print(info: TaskInfo, found: recorded.Finished) -> None:
    result = found.result
    st.caption(
        f"{words.count(result.n_train, info.unit)} to learn from, {result.n_validation:,} to choose by, "
        f"{_for_the_test(result)} · {words.duration(result.seconds)} on {result.device} ({result.precision}) · "
        f"epoch {result.best_epoch} of {result.epochs} kept{_baseline(result)} · {words.moment(found.finished)}"
    )
    notes(result)


def _for_the_test(result: Result) -> str:
    if folds := result.details.get("folds"):
        return f"{result.n_test:,} tested by other networks, in {folds} folds"
    return f"{result.n_test:,} for the test"


def notes(result: Result) -> None:
    """What there is to know of a run, folded away."""
    lines = [words.plain(note) for note in result.notes]
    if result.skipped:
        lines.append(f"{len(result.skipped):,} left out; the Data step names them.")
    if lines:
        with st.expander("Notes on this run", icon=":material/info:"):
            st.markdown("\n".join(f"- {line}" for line in lines))


def _baseline(result: Result) -> str:
    """What the comparison was given: 'from scratch: 12 epochs in 2 min'."""
    details = result.baseline_details.get("scratch") or {}
    if not details.get("epochs"):
        return ""
    seconds = f" in {words.duration(details['seconds'])}" if details.get("seconds") else ""
    return f" · from scratch: {words.count(details['epochs'], 'epochs')}{seconds}"


def recorded_banner(found: recorded.Finished, sample: str | None) -> bool:
    """Says that this is a recording; True when somebody wants to train it themselves."""
    with st.container(border=True, key="recorded"):
        text, button = st.columns([4, 1], vertical_alignment="center")
        title = words.plain(found.recipe.title) or _model_title(found.recipe)
        text.markdown(
            f":material/history: **A recorded run: {title}.** Trained on {words.day(found.finished)} with "
            f"seed {found.result.seed}; every number below was measured then."
        )
        wanted = button.button(
            "Train it yourself", type="primary", icon=":material/play_arrow:", width="stretch", disabled=sample is None
        )
    return wanted
