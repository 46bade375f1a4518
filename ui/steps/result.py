"""Step 5: what came out. The verdict in words first, then its two numbers, then what is behind them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engines import messages, registry
from engines.contract import Block, Network, Recipe, Result, Side, Strategy, TaskInfo, Verdict, Word
from engines.messages import _, _n
from engines.reporting import comparisons, wording
from ui.batch import offer as batch_offer
from ui.comparisons import longer, make_sure, sweep_offer
from ui.page import again, frame, recorded, words
from ui.rooms import showing
from ui.steps import adapted, cost, train
from ui.widgets import calibration, drawing, layers, mistakes, network_view, rate_search, take_home, try_it

RIVALS = {
    "scratch": _(":gray[■] From scratch"),
    "zero_shot": _(":blue[■] As it came"),
    "zero_shot_inputs": _(":blue[■] As it came, inputs chosen"),
    "nearest_voice": _(":blue[■] As it came, nearest voice"),
    "seasonal_naive": _(":gray[■] Seasonal naive"),
}
NUMBER = 148  # pixels: two of them stand side by side on a phone
MARKS: dict[Word, tuple[words.Colour, str]] = {
    "pays": ("green", ":material/trending_up:"),
    "hurts": ("red", ":material/trending_down:"),
    "no_difference": ("gray", ":material/drag_handle:"),
    "undecided": ("yellow", ":material/help:"),
}
READINGS = {
    "by heart": ("yellow", _(":material/menu_book: Learns by heart")),
    "still improving": ("blue", _(":material/trending_up: Still improving")),
    "fine": ("green", _(":material/check: Not overfitted")),
}
"""Of `training.overfitting`."""
OF_NETWORKS: dict[Side, tuple[words.Colour, str]] = {
    "better": ("blue", ":material/north_east:"),
    "worse": ("orange", ":material/south_east:"),
    "close": ("gray", ":material/drag_handle:"),
    "unclear": ("yellow", ":material/help:"),
}
"""Of one seed, which claims less."""
WITHOUT = {
    "running": _("training from scratch, to compare with, still goes on"),
    "skipped": _("it was not compared with training from scratch"),
    "done": _("it was not compared with training from scratch"),
}


def show(found: recorded.Finished, camera: bool = False) -> None:
    """Everything about a finished run of any task. With `camera`, new examples can come from it."""
    info = registry.task(found.recipe.task).info
    verdict(info, found)
    say_if_synthetic(info, found)
    try_and_take(info, found, lambda: try_it.show(info, found, camera))
    details, (left, right) = found.result.details, st.columns([1, 1])
    if details.get("confusion"):
        with (
            left,
            frame.card(_("Where it is wrong"), help=_("Rows are the true classes, columns what the model said.")),
        ):
            st.fragment(mistakes.confusion)(info, found)
    if details.get("classes"):
        with (
            right,
            frame.card(_("Its most confident mistakes"), help=_("Look here first: wrong labels show up here too.")),
        ):
            st.fragment(mistakes.worst)(info, found)
    if details.get("confusion"):
        st.fragment(mistakes.browser)(info, found)
    advise(found)
    with further_details():
        how_it_learnt(info, found)
        if details.get("calibration"):
            st.fragment(calibration.show)(info, found)
        kept_and_trained(found)
        small_print(info, found)


def try_and_take(info: TaskInfo, found: recorded.Finished, draw: Callable[[], None], title: str = _("Try it")) -> None:
    """What one does with the model, side by side: `draw` lets it answer something new, and it leaves here."""
    left, right = st.columns([1, 1])
    with left, frame.card(title):
        draw()
    with right, frame.card(_("Take it home")):
        take_home.show(info, found)
    showing.show(found)
    batch_offer.show(info, found)


def further_details() -> DeltaGenerator:
    """What is behind the result, folded away."""
    title = _("Details: how it learnt, what was trained, what the numbers rest on")
    return st.expander(title, key="details", icon=":material/unfold_more:")


# --- the verdict ----------------------------------------------------------------------------------


def verdict(info: TaskInfo, found: recorded.Finished) -> None:
    """What the run came to: what it was compared with first, in words, then its number beside the other's."""
    result, told = found.result, comparisons.told(found.result)
    with st.container(border=True, key="verdict", gap="small"):
        said, numbers = st.columns([5, 4], vertical_alignment="center", gap="small")
        learns = words.strategy(info, result.strategy, _blocks(found.recipe), result.details.get("depth")).lower()
        rests_on = _(
            "{model_title}, {learns} · {tested_on} · seed {seed}",
            model_title=_model_title(found.recipe),
            learns=learns,
            tested_on=_tested_on(info, result),
            seed=result.seed,
        )
        with said, st.container(gap="xsmall"):
            if told:
                first(info, told[0], result.strategy)
                st.caption(f"{words.verdict(told[0], info.metric)[1]} · {rests_on}")
                further(info, told[1:])
            else:
                st.markdown(f"### {info.metric.title} {words.metric(info.metric, result.value)}")
                nothing = _("nothing was learnt, so there is nothing to compare")
                why = nothing if result.strategy == Strategy.ZERO_SHOT else messages.told(WITHOUT)[result.comparison]
                st.caption(f"{wording.direction(info.metric)} · {rests_on} · {why}")
        rival = told[0].against if told else info.rival
        with numbers, st.container(horizontal=True):
            number(info, _own(result), result.value, result.low, result.high)
            if rival in RIVALS and rival in result.baselines:
                d = result.baseline_details.get(rival, {})
                number(info, messages.told(RIVALS)[rival], result.baselines[rival], d.get("low"), d.get("high"))
        if "scratch" in result.baselines:
            st.caption(budgets(result))
            longer.offer(found)
        if (d := result.baseline_details.get(rival, {})) and "there" in d:
            there = words.metric(info.metric, d["there"])
            st.caption(
                _(
                    "{n:,} of the {unit} tested the one from scratch; there this run has {there}.",
                    n=d["n"],
                    unit=info.unit,
                    there=there,
                )
            )
        make_sure.offer(found)
    adapted.show(info, result)


def _own(result: Result) -> str:
    """What the run's own number is called, in the colour of what it started from."""
    marks = {Strategy.SCRATCH: messages.told(RIVALS)["scratch"], Strategy.ZERO_SHOT: messages.told(RIVALS)["zero_shot"]}
    return marks.get(Strategy(result.strategy), _(":orange[■] This run"))


def first(info: TaskInfo, verdict: Verdict, strategy: str) -> None:
    """The verdict that everything else is read by: a badge that says what was compared, and the difference."""
    colour, icon = OF_NETWORKS[verdict.side] if verdict.verdict is None else MARKS[verdict.verdict]
    st.badge(wording.badge(verdict, strategy), icon=icon, color=colour)
    st.markdown(f"### {words.verdict(verdict, info.metric)[0]}")
    if limits := wording.rests_on(verdict, info.metric):
        st.caption(limits)


def further(info: TaskInfo, verdicts: Sequence[Verdict]) -> None:
    """What else it was compared with, a line each."""
    for one in verdicts:
        sentence, line = words.verdict(one, info.metric)
        st.caption(f"{wording.badge(one)}. {sentence} ({line}).")


def budgets(result: Result) -> str:
    """What training from scratch was given, and whether that was enough for it, beside what the run was given."""
    known = result.baseline_details["scratch"]
    took = _(" in {duration}", duration=words.duration(known["seconds"])) if known.get("seconds") else ""
    if not known.get("epochs"):
        return _("From scratch: trained{took}.", took=took)
    passes, best = known["epochs"], known.get("best_epoch") or known["epochs"]
    may = result.baseline_may_improve
    enough = _("it may not have stopped improving: more passes may help it") if may else _("it had stopped improving")
    return _(
        "From scratch: {passes} over the data{took}, the best was number {best}; {enough}. "
        "This run: {epochs}, the best was number {best_epoch}.",
        passes=_n("{n:,} pass", "{n:,} passes", passes),
        took=took,
        best=best,
        enough=enough,
        epochs=_n("{n:,} pass", "{n:,} passes", result.epochs),
        best_epoch=result.best_epoch,
    )


def number(info: TaskInfo, label: str, value: float, low: float | None, high: float | None) -> None:
    """A number of the run's metric; the metric's name and direction stand with it, and its interval."""
    with st.container(width=NUMBER, gap=None):
        st.metric(label, words.metric(info.metric, value), help=f"{info.metric.title}: {info.metric.help}")
        between = words.behind(info.metric, low, high)
        st.caption(f"{info.metric.title}, {wording.direction(info.metric)}{between}")


def say_if_synthetic(info: TaskInfo, found: recorded.Finished) -> None:
    """A line where the run's data are a sample that a program made."""
    name = recorded.sample(found.run.id) or Path(found.recipe.data).stem
    if not {sample.name: sample.real for sample in registry.task(info.name).samples()}.get(name, True):
        st.caption(
            _(":material/smart_toy: Synthetic data: these numbers are about {unit} made by a program.", unit=info.unit)
        )


def _tested_on(info: TaskInfo, result: Result) -> str:
    if folds := result.details.get("folds"):
        return _(
            "each of {count} tested once, in {folds} folds", count=words.count(result.n_test, info.unit), folds=folds
        )
    return words.count(result.n_test, _("test ") + info.unit)


def _model_title(recipe: Recipe) -> str:
    known = {c.name: c.title for c in registry.task(recipe.task).models()}
    return known.get(recipe.model, recipe.model)


def _blocks(recipe: Recipe) -> int:
    return int(recipe.settings.get("blocks", getattr(registry.task(recipe.task).settings(), "blocks", 1)))


# --- what is behind it ----------------------------------------------------------------------------


def how_it_learnt(info: TaskInfo, found: recorded.Finished) -> None:
    """Its curves, and whether they say that it learnt by heart; nothing where nothing was trained."""
    if found.epochs:
        with frame.card(_("How it learnt")):
            if fit := found.result.details.get("overfitting"):
                colour, said = messages.told(READINGS)[fit["reading"]]
                st.markdown(
                    _(":{colour}-badge[{said}] {plain}", colour=colour, said=said, plain=words.plain(fit["text"]))
                )
            train.curves(info, found.epochs, found.result.strategy, key="result", finished=True)
            rate_search.show(found.searches)


def kept_and_trained(found: recorded.Finished) -> None:
    """The network, block by block: what stayed as it came and what learnt; and what that changed inside."""
    if found.result.details.get("stages"):
        with frame.card(_("What was kept and what was trained")):
            _network(found)
    st.fragment(layers.show)(found)
    sweep_offer.offer(found)


def _network(found: recorded.Finished) -> None:
    result, view = found.result, network(found)
    drawing.draw(drawing.network(view), key="result_network")
    if frozen := result.details.get("frozen"):
        worse = frozen.get("side", frozen.get("verdict")) in {"worse", "hurts"}  # 'hurts' of before 0.3
        (st.warning if worse else st.caption)(words.plain(frozen["text"]))
    st.markdown(network_view.how_much_learnt(view, result))
    st.caption(network_view.legend(view))


def network(found: recorded.Finished) -> Network:
    """The network of a run, from its model's card, as the strategy step drew it; of a model that is in no catalogue,
    from what the run kept."""
    recipe, result = found.recipe, found.result
    strategy, outputs = Strategy(result.strategy), len(result.details.get("classes") or ())
    known = {card.name: card for card in registry.task(recipe.task).models()}
    if card := known.get(recipe.model):
        return network_view.of(recipe.task, card, strategy, recipe.settings, _blocks(recipe), outputs)
    details, adapted = result.details, strategy is Strategy.LORA
    blocks = [
        Block(s["name"], s["parameters"], "adapter" if adapted else "learns" if s["trainable"] else "frozen")
        for s in details["stages"]
    ]
    if head := details.get("head_parameters"):
        learns = details.get("head_learns", strategy is not Strategy.ZERO_SHOT)
        blocks.append(Block(details.get("head_name") or "head", head, "learns" if learns else "frozen"))
    return Network(tuple(blocks), result.parameters, strategy)


# --- what to do now -------------------------------------------------------------------------------


def advise(found: recorded.Finished) -> None:
    advice = found.result.details.get("next")
    if not advice:
        return
    with frame.card(_("What to try next")):
        text, button = st.columns([3, 2], vertical_alignment="center")
        text.markdown(advice["text"])
        if not advice.get("strategy") or not recorded.is_own(found.run):
            return
        settings = {**found.recipe.settings, **(advice.get("settings") or {})}
        info, blocks, depth = registry.task(found.recipe.task).info, settings.get("blocks"), settings.get("depth")
        learns = words.strategy(info, advice["strategy"], blocks, depth).lower()
        label = _("Train again: {learns}", learns=learns)
        if button.button(label, type="primary", icon=":material/play_arrow:", width="stretch"):
            again.train(found.recipe.again(settings, Strategy(advice["strategy"])))


def small_print(info: TaskInfo, found: recorded.Finished) -> None:
    result = found.result
    st.caption(
        _(
            "{count} to learn from, {n_validation:,} to choose by, {for_the_test} · {duration} "
            "on {device} ({precision}) · pass {best_epoch} of {epochs} kept · {moment}",
            count=words.count(result.n_train, info.unit),
            n_validation=result.n_validation,
            for_the_test=_for_the_test(result),
            duration=words.duration(result.seconds),
            device=result.device,
            precision=result.precision,
            best_epoch=result.best_epoch,
            epochs=result.epochs,
            moment=words.moment(found.finished),
        )
    )
    cost.after(result)
    notes(result)


def _for_the_test(result: Result) -> str:
    if folds := result.details.get("folds"):
        return _("{n_test:,} tested by other networks, in {folds} folds", n_test=result.n_test, folds=folds)
    return _("{n_test:,} for the test", n_test=result.n_test)


def notes(result: Result) -> None:
    """What is good to know of a run, each thing once, folded away."""
    lines = [words.plain(note) for note in dict.fromkeys(result.notes)]
    left_out = _("{skipped:,} left out; the Data step names them.", skipped=len(result.skipped))
    lines += [left_out] if result.skipped else []
    if lines:
        with st.expander(_("Good to know"), icon=":material/info:"):
            st.markdown("\n".join(f"- {line}" for line in lines))


def recorded_banner(found: recorded.Finished, sample: str | None) -> bool:
    """Says that this is a recording; True when somebody wants to train it themselves."""
    with st.container(key="recorded", horizontal=True, vertical_alignment="center", gap="small"):
        title = words.plain(found.recipe.title) or _model_title(found.recipe)
        st.markdown(
            _(":material/history: **A recorded run: {title}.** {day}", title=title, day=words.day(found.finished))
        )
        wanted = st.button(
            _("Train it yourself"), type="primary", icon=":material/play_arrow:", disabled=sample is None
        )
    return wanted
