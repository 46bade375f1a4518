"""Data sets in a list: open, use again, export, delete."""

from __future__ import annotations

from functools import partial

import streamlit as st

from engines import registry, shown_ids, trash
from engines.datasets.exporting import LEARNERS, kept_export
from engines.datasets.folder import DatasetFolder
from engines.datasets.state import DatasetState
from engines.messages import _, told
from engines.vision.detection.annotations import drawn
from engines.vision.detection.annotations.settings import TITLES
from ui.page import errors, local_storage, uploads, words
from ui.showing import handover, start

DELETED = "deleted_dataset"
"""Where the session keeps the id and the name of the data set that was deleted last."""


def manage() -> None:
    """The whole list with everything one can do."""
    add, forget = st.session_state.pop("restored_datasets", []), st.session_state.pop("forget_datasets", [])
    _offer_undo()
    place = st.container()
    ids = local_storage.recent(add=add, forget=forget, kept="datasets")
    with place:
        if ids is None:
            st.skeleton(200)
            return
        found = [dataset for dataset_id in ids if (dataset := handover.known(dataset_id))]
        if not found:
            with st.container(border=True):
                st.markdown(
                    _("**No data yet.** What you show to the camera or the microphone, or write, appears here.")
                )
                st.page_link("pages/showing.py", label=_("Make a data set by showing"), icon=":material/arrow_forward:")
        for dataset in found:
            _line(dataset)


def _line(dataset: DatasetFolder) -> None:
    key, about = dataset.id, dataset.about
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"dataset_{key}"):
        with st.container(gap=None):
            title, _unused, _unused2, icon = told(start.KINDS)[about.kind]
            st.markdown(f"**{words.plain(about.title)}** :gray-badge[{icon} {title}] {handover.in_short(dataset)}")
            st.caption(_("{moment} · SHA-256 {sha256}", moment=words.moment(about.created), sha256=dataset.sha256[:12]))
        st.page_link(
            "pages/showing.py", label=_("Open"), icon=":material/arrow_forward:", query_params={handover.LINK: key}
        )
        if about.kind != "boxes":
            st.page_link(
                "pages/explore.py",
                label=_("Look through"),
                icon=":material/travel_explore:",
                query_params={handover.LINK: key},
            )
        with st.popover(_("More"), icon=":material/more_horiz:"):
            _more(dataset)


def _more(dataset: DatasetFolder) -> None:
    key, about = dataset.id, dataset.about
    title = st.text_input(_("Name"), value=about.title, max_chars=80, key=f"name_{key}")
    if st.button(_("Rename"), key=f"rename_{key}", icon=":material/edit:", width="stretch") and title.strip():
        dataset.rename(title)
        st.rerun()
    for task in LEARNERS[about.kind]:
        info = registry.task(task).info
        domain = registry.domains()[task.split(".")[0]].title
        if st.button(
            _("Train: {domain}, {title}", domain=domain, title=info.title.lower()),
            key=f"train_{key}_{task}",
            icon=":material/arrow_forward:",
            width="stretch",
        ):
            handover.open_in(dataset, task)
    state = dataset.state()
    if about.kind == "boxes":
        _boxes(dataset, state)
    elif state.labelled:
        st.download_button(
            _("Export"),
            key=f"export_{key}",
            data=lambda: kept_export(dataset, for_people=True).read_bytes(),
            file_name=f"{about.kind}-{dataset.sha256[:8]}.zip",
            mime="application/zip",
            on_click="ignore",
            icon=":material/download:",
            width="stretch",
            help=_("A zip with a metadata.csv that names each example's class.")
            + (
                _(" {unlabelled:,} without a class are left out.", unlabelled=len(state.unlabelled))
                if state.unlabelled
                else ""
            ),
        )
    if link := _link(dataset.id):
        st.caption(_("Its link to show others: whoever has it sees the examples and classes, and changes nothing."))
        st.code(_link(shown_ids.publish(dataset.id, shown_ids.DATASET)), language=None, wrap_lines=True)
        st.caption(_("Its link for you: whoever has it sees this data set, and can change it."))
        st.code(link, language=None, wrap_lines=True)
    if st.button(
        _("Delete"),
        key=f"delete_{key}",
        icon=":material/delete:",
        width="stretch",
        help=_("You can undo it for a while. Runs that learnt from it stay, with what they show of it."),
    ):
        _delete(dataset)


def _boxes(dataset: DatasetFolder, state: DatasetState) -> None:
    """The pictures and their boxes, in each format that other programs read."""
    if not state.labelled:
        return
    for form, title in TITLES.items():
        st.download_button(
            _("Export as {title}", title=title),
            key=f"export_{dataset.id}_{form}",
            data=partial(_zip, dataset, form),
            file_name=f"boxes-{form}-{dataset.sha256[:8]}.zip",
            mime="application/zip",
            on_click="ignore",
            icon=":material/download:",
            width="stretch",
            help=_("A zip of the pictures that have boxes or are done, and of files that say where these are."),
        )


def _zip(dataset: DatasetFolder, form: str) -> bytes:
    return drawn.kept_export(dataset, form).read_bytes()


def _link(dataset_id: str) -> str:
    """The address of its page under that id, to be copied; empty where the address of this page is not known."""
    here = st.context.url
    return f"{here.partition('?')[0].rstrip('/').removesuffix('/my_data')}/showing?dataset={dataset_id}" if here else ""


def _delete(dataset: DatasetFolder) -> None:
    with errors.calm(_("The data set could not be deleted.")):
        title = dataset.about.title
        uploads.forget_below(dataset.path)
        dataset.delete(undo=True)
        st.session_state["forget_datasets"] = [dataset.id]
        st.session_state[DELETED] = (dataset.id, title)
        st.rerun()


def _offer_undo() -> None:
    """The data set that was deleted last, and the way to have it back."""
    DatasetFolder.purge()
    if not (deleted := st.session_state.get(DELETED)):
        return
    dataset_id, title = deleted
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="undo_delete"):
        st.markdown(
            _(
                "“{plain}” is deleted, for good in {duration}.",
                plain=words.plain(title),
                duration=words.duration(trash.SECONDS),
            )
        )
        if st.button(_("Undo"), icon=":material/undo:", key="undo"):
            del st.session_state[DELETED]
            with errors.calm(_("The data set could not be brought back.")):
                DatasetFolder.restore(dataset_id)
                st.session_state["restored_datasets"] = [dataset_id]
                st.rerun()
