"""What is kept of a visitor, for how long, and who can see it: in words, from the settings that hold here."""

from __future__ import annotations

import streamlit as st

from engines import paths, trash
from engines.hosting import limits, usage
from engines.jobs import backends
from engines.jobs import limits as job_limits
from engines.messages import _, _n
from engines.rooms import members
from engines.runs import RunFolder
from ui.hosting import login
from ui.page import errors, local_storage, visitor, words

ASKED, FORGET = "delete_everything", "forget_everything"


def show() -> None:
    """The whole page."""
    for paragraph in _kept():
        st.markdown(paragraph)
    if limits.public():
        _left_today()
    _delete()


def _kept() -> list[str]:
    """The rules as they are here, a paragraph each."""
    hours = job_limits.keep_hours()
    how_long = _("for {hours} hours after their last use", hours=hours) if hours else _("until you delete them")
    undo = words.duration(trash.SECONDS)
    in_room = members.of_visitor(visitor.myself())
    return [
        *(
            [
                _(
                    "**The room.** You are in a room: what you bring and make there is deleted for good when whoever "
                    "teaches ends it. They see your name, if you gave one, the page and step you are at, whether you "
                    "are stuck, and how many runs you have; nothing of what is in them, but for a result that you show "
                    "on the room's board, which everybody in the room sees."
                )
            ]
            if in_room
            else []
        ),
        _(
            "**What is kept.** What you upload or make here, what was unpacked of it, and your runs: settings, "
            "curves, model, predictions and thumbnails of test examples. They lie on the machine that runs Headstart, "
            "{how_long}.",
            how_long=how_long,
        ),
        _(
            "**Who can see it.** A run belongs to whoever has its own link: the long id in the address is its key, so "
            "keep it as you would keep the data. Its other link, to show others, only reads: progress, result with its "
            "examples, report, and the model to try. A data set has two such links as well. Whoever runs this machine "
            "can read its disk."
        ),
        _("**Who you are.** {who} The list of your runs is kept in this browser alone.", who=_who()),
        _(
            "**What leaves.** A model that you download carries no example, file name or id. A report shows test "
            "examples; “without my data” leaves them out."
        ),
        _(
            "**Deleting.** A run that you delete can be had back for {undo}; then it is gone, with its upload and "
            "everything that was computed of it and that no other run uses.",
            undo=undo,
        ),
    ]


def _who() -> str:
    if login.offered():
        return _(
            "Your account, from the provider that you log in with, tells your runs from others' for the quotas. What "
            "is kept of it is a digest: no name, no address; whoever runs the provider knows that you came here."
        )
    if not limits.public():
        return _("There are no accounts and no cookies, and nothing leaves this machine.")
    return _(
        "A random name in a signed cookie, which no script can read, tells your runs from others' for the quotas. "
        "There are no addresses, no names and no accounts, and nothing is sent to anybody."
    )


def _left_today() -> None:
    """What this visitor may still have."""
    me = visitor.me()
    if not me and login.offered():
        st.info(_("Log in at the top of the page, and see what is left of your day."), icon=":material/login:")
        return
    if not me:
        st.warning(_("This browser keeps no cookie, so nothing can be started here."), icon=":material/cookie_off:")
        return
    rows = [
        (_("runs started"), f"{usage.spent(me, 'runs'):,}", _most(limits.visitor_runs())),
        (
            "brought",
            _mib(usage.spent(me, "bytes")),
            _mib(limits.visitor_bytes()) if limits.visitor_bytes() else _("no limit"),
        ),
        (_("files on one open page"), "", _mib(limits.session_bytes()) if limits.session_bytes() else _("no limit")),
        (_("requests a minute"), "", _most(limits.requests_a_minute())),
        (_("runs at once"), "", _most(limits.visitor_runs_at_once())),
        (_("minutes a run"), "", _most(limits.run_seconds() // 60)),
        (_("examples a run"), "", _most(limits.run_examples())),
    ]
    st.subheader(_("What is left today"), anchor=False)
    st.table({"": [r[0] for r in rows], _("so far"): [r[1] for r in rows], _("at most"): [r[2] for r in rows]})


def _most(limit: int) -> str:
    return f"{limit:,}" if limit else _("no limit")


def _mib(amount: int) -> str:
    return _("{amount:,.0f} MiB", amount=amount / (1 << 20))


@st.fragment
def _delete() -> None:
    """Everything of this browser's, in one click and one more."""
    st.subheader(_("Delete everything of mine"), anchor=False)
    seen = local_storage.recent(forget=st.session_state.pop(FORGET, []))
    st.caption(_("Every run that this browser remembers, what you brought for them, and what was computed. For good."))
    if not st.session_state.get(ASKED):
        label = _("Delete everything of mine")
        st.button(label, icon=":material/delete_forever:", disabled=seen is None, on_click=_ask, args=(True,))
        return
    st.warning(_("This can't be undone."), icon=":material/warning:")
    yes, no = st.columns(2)
    no.button(_("Keep it"), width="stretch", on_click=_ask, args=(False,))
    if yes.button(_("Yes, delete everything"), type="primary", width="stretch"):
        _ask(False)
        with errors.calm(_("Not everything could be deleted. Try again.")), st.spinner(_("Deleting …")):
            count = _delete_now(seen or [])
            st.session_state[FORGET] = seen or []
            runs = _n("1 run", "{n} runs", count)
            st.success(_("Deleted: {runs}, and what belonged to them.", runs=runs), icon=":material/check:")


def _ask(asked: bool) -> None:
    st.session_state[ASKED] = asked


def _delete_now(seen: list[str]) -> int:
    """The runs that this browser remembers and that are still there; on a public host all that are the visitor's."""
    jobs = backends.backend()
    mine = [run for run in map(_found, seen) if run is not None]
    for run in mine:
        backends.delete(jobs, run.id)
    me = visitor.me()
    return len(mine) + (backends.delete_all_of(jobs, me) if me else 0)


def _found(run_id: str) -> RunFolder | None:
    """The run, where it is one of this home and not one that came with Headstart."""
    run = RunFolder(paths.runs() / run_id)
    return run if run.exists else None
