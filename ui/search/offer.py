"""Where a search is asked for, and several choices at once: below the choices of the Strategy step."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from engines import registry, weights
from engines.contract import InputError, Job, Recipe, Strategy
from engines.hosting import limits
from engines.messages import _, _n
from engines.search.plan import Plan, Space
from ui.page import address, again, errors, uploads, visitor, words
from ui.page.draft import Draft

BESIDE = "runs_beside"
"""Where the session keeps which runs were submitted together with one: {its id: theirs}."""
MINUTES = (1, 5, 10, 30, 60)
MOST = 12
"""Runs that are submitted at once."""


def show(draft: Draft) -> None:
    """Nothing where there are no data, or those of a new domain: nothing says what is best there."""
    if draft.path is None or draft.target is not None:
        return
    with errors.calm(_("A search could not be offered.")):
        with st.expander(_("Find the best"), icon=":material/travel_explore:", key="find_the_best"):
            _search(draft)
        with st.expander(_("Train several at once"), icon=":material/stacks:", key="train_several"):
            _several(draft)


def _search(draft: Draft) -> None:
    st.caption(
        _(
            "Many short trials of models, strategies and settings, compared on the examples held out to choose by. The "
            "test is looked at once, at the end, by the winner and by what is chosen above, which is the default."
        )
    )
    may = [minutes for minutes in MINUTES if not limits.public() or 60 * minutes <= limits.run_seconds()] or MINUTES[:1]
    usual = may[min(2, len(may) - 1)]
    minutes = st.segmented_control(
        _("How long it may take"),
        may,
        default=usual,
        key="search_minutes",
        required=True,
        format_func=lambda minutes: words.duration(60 * minutes),
    )
    models, strategies = _choices(draft, "search")
    if not st.button(_("Find the best"), icon=":material/travel_explore:", key="search_start"):
        return
    with errors.calm(_("The search could not be started.")):
        plan = Plan(60.0 * float(minutes or usual), None, tuple(models), tuple(map(str, strategies)))
        default = _default(draft)
        Space.of(registry.task(draft.task), default, plan)  # what cannot be searched is said here
        again.submit(Job(default, "search", plan.arguments()), _("The search could not be started."))


def _default(draft: Draft) -> Recipe:
    """What is chosen, tested on one part and compared with nothing else."""
    task, title = registry.task(draft.task), uploads.origin(draft.data).title if draft.data else ""
    recipe = draft.recipe(title)
    settings = {name: value for name, value in recipe.settings.items() if name not in {"baseline", "folds"}}
    strategy = task.info.usual if recipe.strategy is Strategy.SCRATCH else recipe.strategy
    return replace(recipe, settings=settings, strategy=strategy)


def _choices(draft: Draft, key: str) -> tuple[list[str], list[Strategy]]:
    """Models and strategies, none of them chosen: then all."""
    task = registry.task(draft.task)
    cards = {card.name: card.title for card in task.models() if weights.find(card)}
    models: list[str] = []
    if len(cards) > 1 and not task.info.one_model:
        models = st.multiselect(
            _("Models"),
            list(cards),
            key=f"{key}_models",
            format_func=lambda name: cards[name],
            placeholder=_("all that are here"),
        )
    offered = [strategy for strategy in task.info.strategies if strategy is not Strategy.SCRATCH]
    strategies = st.multiselect(
        _("Strategies"),
        offered,
        key=f"{key}_strategies",
        format_func=lambda strategy: task.info.offer(strategy).title,
        placeholder=_("all but from scratch"),
    )
    return models, strategies


def _several(draft: Draft) -> None:
    """Every chosen model by every chosen strategy, as runs of their own."""
    st.caption(_("Each is a run of its own, with the settings above; they wait for their turn and are in your list."))
    task = registry.task(draft.task)
    models, strategies = _choices(draft, "several")
    pairs = [
        (model, strategy)
        for model in models or [draft.model]
        for strategy in strategies
        if (card := next((card for card in task.models() if card.name == model), None)) is None
        or not task.lacks(strategy, card)
    ]
    if len(pairs) > MOST:
        st.caption(_(":material/block: These are {n}; at most {most} at once.", n=len(pairs), most=MOST))
    label = _n("Train {n:,} run", "Train all {n:,} runs", len(pairs)) if pairs else _("Choose strategies first")
    if not st.button(label, icon=":material/stacks:", key="several_start", disabled=not 0 < len(pairs) <= MOST):
        return
    with errors.calm(_("Not all of the runs could be started.")):
        title = uploads.origin(draft.data).title if draft.data else ""
        runs: list[str] = []
        for model, strategy in pairs:
            recipe = replace(draft, model=model, strategy=strategy).recipe(title)
            try:
                runs.append(visitor.submit(Job(recipe)))
            except InputError as error:
                errors.say(error)
                break
        if runs:
            st.session_state[BESIDE] = {runs[0]: runs[1:]}
            address.put(replace(address.read(), run=runs[0], data=draft.data, step=None))
            st.rerun()
