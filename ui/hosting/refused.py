"""An upload that the gate has refused, said on the page: which limit, and what is left.

Streamlit's widget shows what its browser makes of the answer's status ("Request failed with status code 413"). Here the
browser tells us that an upload has failed, and what the widget says becomes the sentence.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import streamlit as st

from engines.hosting import limits, refusals, usage, visitors
from engines.messages import _, told
from ui.hosting import gate, login
from ui.page import visitor

_JS = """
let sentence = "";  // for a screen reader, and for whoever points at the file
const PLACES = '[data-testid="stFileChip"] [role="alert"], [data-testid^="stTooltip"]';
const replace = () => document.querySelectorAll(PLACES).forEach((shown) => {
  const walker = document.createTreeWalker(shown, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    if (/AxiosError|status code|Network error/i.test(text.nodeValue)) text.nodeValue = sentence;
  }
});
const later = new MutationObserver(replace);
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  if (data.sentence) {
    sentence = data.sentence;
    replace();
    later.observe(document.body, { childList: true, subtree: true });  // the widget may say it after us, or again
  }
  if (parentElement.watching) return;
  const seen = new PerformanceObserver((list) => {
    const failed = list.getEntries().filter((entry) =>
      entry.name.includes("/_stcore/upload_file/") && (entry.responseStatus === 0 || entry.responseStatus >= 400));
    if (failed.length) setTriggerValue("failed", performance.now());
  });
  seen.observe({ type: "resource" });
  parentElement.watching = seen;
  return () => { seen.disconnect(); later.disconnect(); parentElement.watching = null; };
}
"""


@functools.cache
def _component() -> Callable[..., Any]:
    return st.components.v2.component("headstart.refused", html="<i></i>", js=_JS)


def watch() -> None:
    """Once a page, on a host for strangers; draws nothing until an upload has failed."""
    if not limits.public() or limits.showcase():
        return
    found = st.session_state.get("refused_uploads") or {}
    sentence = _sentence() if found.get("failed") is not None else ""
    _component()(key="refused_uploads", data={"sentence": sentence}, on_failed_change=lambda: None, height=1)
    if sentence:
        st.toast(sentence, icon=":material/block:", duration="long")


def _sentence() -> str:
    me = visitor.me()
    if not me:
        return str(told(gate.NOT_LOGGED_IN if login.offered() else gate.NO_COOKIE))
    why, held = refusals.last(me) or refusals.last(_by_cookie()) or ("", 0)
    if why == "page":
        left = max(limits.session_bytes() - held, 0)
        return _(
            "Not taken: a page may hold {most:,.0f} MiB of files, and {left:,.0f} are left. Remove a file, or bring a "
            "smaller one.",
            most=limits.session_bytes() / limits.MIB,
            left=left / limits.MIB,
        )
    if why == "day":
        left = max(limits.visitor_bytes() - usage.spent(me, "bytes"), 0)
        return _(
            "Not taken: a visitor may bring {most:,.0f} MiB a day, and {left:,.0f} are left. Come back tomorrow, or "
            "bring a smaller file.",
            most=limits.visitor_bytes() / limits.MIB,
            left=left / limits.MIB,
        )
    if why == "rate":
        return _("Not taken: too many requests came from this browser. Wait a minute, then bring it again.")
    return _("The file did not arrive: bring it again.")


def _by_cookie() -> str:
    return visitors.visitor_of(st.context.cookies.get(visitors.COOKIE, None)) or ""
