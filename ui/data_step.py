"""Step 1: bring data, or take a sample; see what was found before anything trains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from engines import places, registry
from engines.contract import InputError, Sample
from ui import address, errors, frame, gallery, plots, train_step, uploads, words
from ui.draft import Draft


def show(draft: Draft, accepts: Sequence[str]) -> None:
    """`accepts` are the file extensions the uploader takes, without dots."""
    if draft.data is None:
        _bring(draft, accepts)
        return
    try:
        report = _check(draft.task, draft.data)
    except InputError as error:
        errors.say(error, "Bring other data, or take the sample.")
        _other_data()
        return
    _found(draft, report)


# --- nothing here yet -----------------------------------------------------------------------------


def _bring(draft: Draft, accepts: Sequence[str]) -> None:
    task = draft.task
    info = registry.task(task).info
    left, right = st.columns([3, 2])
    with left, frame.card(f"Bring your {info.unit}"):
        if draft.path:
            name = words.plain(Path(draft.path).name)
            st.caption(f"This run learnt from **{name}**. Bring other data to start anew.")
        st.caption("They stay on this machine, under an address that only you know.")
        files = st.file_uploader(
            f"Your {info.unit}",
            type=list(accepts),
            accept_multiple_files=True,
            label_visibility="collapsed",
            key="upload",
        )
        if files:
            _take(task, files)
        st.markdown("\n".join(f"- {phrase}" for phrase in info.formats))
    with right, frame.card("No data at hand? Take a sample"):
        for i, sample in enumerate(registry.task(task).samples()):
            _sample(task, sample, first=i == 0)


def _take(task: str, files: Sequence[Any]) -> None:
    data_id = None
    with errors.calm("The upload could not be kept.", "Try again, or take a sample."):
        data_id = uploads.keep(files)
        _check(task, data_id)
        address.change(data=data_id, step="data", run=None)
        st.rerun()
    if data_id is not None:
        uploads.forget(data_id)  # what could not be read is not kept


def _sample(task: str, sample: Sample, first: bool) -> None:
    origin = f"{sample.origin} · {sample.licence}"
    made_up = "" if sample.real else " · synthetic: made by a program, not observed"
    with st.container(gap="xsmall"):
        st.markdown(f"**{sample.title}**  \n{sample.description}")
        st.caption(origin + made_up)
        if st.button(
            "Use this sample",
            key=f"sample_{sample.name}",
            type="primary" if first else "secondary",
            icon=":material/photo_library:",
            help=sample.needs and f"If it is missing: {sample.needs}",
        ):
            use_sample(task, sample.name)


def use_sample(task: str, name: str, or_another: bool = False) -> None:
    """Take a sample, check it and show it. With `or_another`, one that needs nothing when this one is not to be had."""
    with errors.calm("The sample could not be made.", "Try another sample, or bring your own data."):
        try:
            path = _with_bar("Getting the sample", lambda tell: _made_sample(task, name, tell))
        except InputError:
            other = next((s for s in registry.task(task).samples() if s.needs is None), None)
            if not or_another or other is None:
                raise
            st.toast(f"That sample is not on this machine. Here is another: {other.title}.", duration="long")
            name = other.name
            path = _with_bar("Getting the sample", lambda tell: _made_sample(task, name, tell))
        data_id = uploads.take_sample(task, name, path)
        _check(task, data_id)
        address.change(data=data_id, step="data", run=None)
        st.rerun()


def _made_sample(task: str, name: str, tell: Callable[[int, int], None]) -> Path:
    from engines.jobs import serving

    out = places.samples() / task
    return Path(serving.ask({"verb": "sample", "task": task, "name": name, "out": str(out)}, tell)["path"])


# --- checked --------------------------------------------------------------------------------------


def _check(task: str, data_id: str) -> dict[str, Any]:
    unit = registry.task(task).info.unit
    return _with_bar(f"Reading the {unit}", lambda tell: uploads.check(task, data_id, tell))


def _with_bar(what: str, work: Callable[[Callable[[int, int], None]], Any]) -> Any:
    """Run `work` with a progress bar that appears only when there is something to wait for."""
    place = st.empty()
    place.caption(f":material/hourglass_top: {what} …")

    def tell(done: int, total: int) -> None:
        if total:
            place.progress(min(done / total, 1.0), f"{what}: {done:,} of {total:,}")
        else:
            place.progress(0.0, f"{what}: {done:,}")

    try:
        return work(tell)
    finally:
        place.empty()


def _found(draft: Draft, report: dict[str, Any]) -> None:
    assert draft.data is not None
    info = registry.task(draft.task).info
    origin = uploads.origin(draft.data)
    with st.container(border=True):
        text, start, other = st.columns([5, 2, 2], vertical_alignment="center")
        text.markdown(f"**{words.plain(origin.title)}**: {_summary(report, info.unit)}")
        text.caption(_splits(report["splits"]))
        if start.button(
            "Train now",
            type="primary",
            icon=":material/play_arrow:",
            width="stretch",
            help="The suggested model and strategy, with the from-scratch comparison beside it.",
        ):
            train_step.start(draft, origin.title)
        if other.button("Choose a model", icon=":material/arrow_forward:", width="stretch"):
            address.change(step="model")
            st.rerun()
    left, right = st.columns([3, 2])
    with left, frame.card(f"A few of the {info.unit}"):
        pictures = [
            (Path(g["thumbnail"]) if g.get("thumbnail") else None, str(g["name"]), str(g["label"]))
            for g in _mixed(report["gallery"])
        ]
        gallery.show(pictures[:15], width=96)
    if report["classes"]:
        with right, frame.card(f"{info.unit.capitalize()} in each class"):
            counts = {str(name): float(n) for name, n in report["classes"].items()}
            shown = dict(list(counts.items())[:20])
            plots.show(
                plots.bars(shown, x=info.unit, colour=plots.DATA),
                "class_counts",
                alt="; ".join(f"{name}: {n:.0f}" for name, n in shown.items()),
                table=lambda: [{"class": name, info.unit: int(n)} for name, n in counts.items()],
            )
    _remarks(report)
    _other_data()


def _mixed(examples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One example of each class, then a second of each, and so on."""
    seen: dict[str, int] = {}
    rounds = []
    for example in examples:
        seen[example["label"]] = turn = seen.get(example["label"], -1) + 1
        rounds.append((turn, example))
    return [example for _, example in sorted(rounds, key=lambda r: r[0])]


def _summary(report: dict[str, Any], unit: str) -> str:
    classes = f" in {len(report['classes'])} classes" if report["classes"] else ""
    return f"{words.count(report['n_examples'], unit)}{classes}"


def _splits(splits: dict[str, int]) -> str:
    doing = {"train": "to learn from", "validation": "to choose by", "test": "kept aside for the test"}
    return " · ".join(f"{n:,} {doing.get(name, name)}" for name, n in splits.items())


def _remarks(report: dict[str, Any]) -> None:
    if report["notes"]:
        with st.container(border=True):
            st.markdown("**Good to know**\n" + "\n".join(f"- {words.plain(note)}" for note in report["notes"]))
    if report["skipped"]:
        n = len(report["skipped"])
        label = f"{n} {'file was' if n == 1 else 'files were'} left out, and why"
        with st.expander(label, icon=":material/filter_alt:"):
            plots.rows([{"where": s["where"], "why": s["reason"]} for s in report["skipped"][:500]])


def _other_data() -> None:
    if st.button("Bring other data", icon=":material/undo:", type="tertiary"):
        address.change(data=None, step="data", run=None)
        st.rerun()
