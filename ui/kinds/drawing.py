"""The map of transfer as SVG: a cell a kind, with a dot for each run, and source and target of one kind."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from engines import messages
from engines.evidence.kind import Kind
from engines.messages import _
from ui.kinds.meanings import MEANINGS, Meaning
from ui.widgets.plots import PRETRAINED, SCRATCH, TRAINED

ORDER: tuple[Kind, ...] = tuple(MEANINGS)
WIDE, NARROW = (900, 150, 16, 13), (400, 96, 14, 12)
"""Width, width of the words at the left, and sizes of letters."""
ROW, GAP, TOP = 104, 8, 34
MOST_DOTS = 12
PLACES: Mapping[Kind, tuple[int, float, float]] = {
    "adaptation": (0, 0, 0.4),
    "inductive": (0, 0.4, 0.7),
    "few-shot": (0, 0.7, 1),
    "transductive": (1, 0, 0.4),
    "unsupervised": (1, 0.4, 1),
    "zero-shot": (2, 0, 0.7),
    "none": (2, 0.7, 1),
}
"""Row, and from where to where across. Above 0 to .4 the task is the source's, from there on it is new."""
STACKED: Mapping[Kind, tuple[int, float, float]] = {
    "adaptation": (0, 0, 0.5),
    "inductive": (0, 0.5, 1),
    "few-shot": (1, 0.5, 1),
    "transductive": (2, 0, 0.5),
    "unsupervised": (2, 0.5, 1),
    "zero-shot": (3, 0, 1),
    "none": (4, 0, 1),
}
"""The same for a phone."""
ROWS = (("labels", _("of yours")), (_("no labels,"), _("but examples")), ("nothing", _("of yours")))
STACKED_ROWS = (("labels",), ("labels",), ("examples",), ("nothing",), (_("no source"),))


def themap(counts: Mapping[Kind, int], chosen: Kind, *, own: bool) -> str:
    """Each kind with its runs; a click tells its number in ORDER. `own`: the runs are the visitor's."""
    return _map("wide", WIDE, PLACES, messages.told(ROWS), counts, chosen, own) + _map(
        "narrow", NARROW, STACKED, messages.told(STACKED_ROWS), counts, chosen, own
    )


def _map(
    css: str,
    sizes: tuple[int, int, int, int],
    places: Mapping[Kind, tuple[int, float, float]],
    rows: tuple[tuple[str, ...], ...],
    counts: Mapping[Kind, int],
    chosen: Kind,
    own: bool,
) -> str:
    width, left, large, small = sizes
    room, split = width - left, 0.4 if css == "wide" else 0.5
    parts = [
        _words(left + room * split / 2, 20, _("the same task"), small),
        _words(left + room * (1 + split) / 2, 20, _("a new task"), small),
    ]
    for number, lines in enumerate(rows):
        middle = TOP + number * (ROW + GAP) + ROW / 2 - 8 * (len(lines) - 1)
        parts += [_words(4, middle + 17 * i + 4, line, small, anchor="start") for i, line in enumerate(lines)]
    for name, (row, first, last) in places.items():
        x, y = left + room * first, TOP + row * (ROW + GAP)
        parts.append(_cell(name, x, y, room * (last - first) - GAP, large, small, counts[name], name == chosen, own))
    height = TOP + len(rows) * (ROW + GAP)
    return (
        f'<svg class="{css}" viewBox="0 0 {width} {height}" role="group" '
        f'aria-label="The map of transfer: seven kinds, each can be pressed">{"".join(parts)}</svg>'
    )


def _cell(name: Kind, x: float, y: float, w: float, large: int, small: int, count: int, chosen: bool, own: bool) -> str:
    meaning, runs = messages.told(MEANINGS)[name], f"{count} {'run' if count == 1 else 'runs'}"
    edge = f'stroke="{TRAINED}" stroke-width="2.5"' if chosen else f'stroke="{SCRATCH}" stroke-width="1"'
    dash = ' stroke-dasharray="5 4"' if name == "none" else ""
    dots = "".join(
        f'<circle cx="{x + 18 + 17 * i:.1f}" cy="{y + ROW - 18:.1f}" r="6" fill="{TRAINED if own else PRETRAINED}"/>'
        for i in range(min(count, MOST_DOTS, max(1, int((w - 60) / 17))))
    )
    told = _words(x + w - 10, y + ROW - 13, str(count), small, anchor="end")
    return (
        f'<g data-block="{ORDER.index(name)}" tabindex="0" role="button" aria-pressed="{str(chosen).lower()}" '
        f'aria-label="{escape(meaning.title)}: {escape(meaning.short)}, {runs}">'
        f'<rect x="{x:.1f}" y="{y}" width="{w:.1f}" height="{ROW}" rx="9" fill="{SCRATCH}" fill-opacity="0.08" '
        f"{edge}{dash}/>"
        f'<text x="{x + 12:.1f}" y="{y + 28}" font-size="{large}" font-weight="600">{escape(meaning.title)}</text>'
        f"{_short(meaning.short, x + 12, y + 47, w - 20, small)}{dots}{told * bool(count)}</g>"
    )


def _short(text: str, x: float, y: float, room: float, size: int) -> str:
    """A few words, in two lines where one has no room for them."""
    lines = [""]
    for word in text.split():
        if lines[-1] and (len(lines[-1]) + len(word) + 1) * size * 0.52 > room:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "".join(
        f'<text class="quiet" x="{x:.1f}" y="{y + 15 * i:.1f}" font-size="{size}">{escape(line)}</text>'
        for i, line in enumerate(lines[:2])
    )


def _words(x: float, y: float, text: str, size: int, anchor: str = "middle") -> str:
    return (
        f'<text class="quiet" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(text)}</text>'
    )


def pair(meaning: Meaning) -> str:
    """Source and target of one kind, each with its domain and its task, and what is the same."""
    same = meaning.source[1] == meaning.target[1]
    link = _("same task") if same else _("other task")
    return (
        _side(_("Source"), meaning.source, _("labelled, and many"), PRETRAINED)
        + f'<svg class="arrow" viewBox="0 0 64 40" role="img" aria-label="{link}">'
        f'<text class="quiet" x="32" y="12" text-anchor="middle" font-size="12">{link}</text>'
        f'<path d="M4 26 H58 m-9 -6 l9 6 l-9 6" stroke="{SCRATCH}" stroke-width="2.5" fill="none"/></svg>'
        + _side(_("Target"), meaning.target, meaning.labels, TRAINED)
    )


def _side(title: str, own: tuple[str, str], labels: str, colour: str) -> str:
    lines = (("domain", own[0]), ("task", own[1]), ("examples", labels))
    rows = "".join(
        f'<text class="quiet" x="26" y="{62 + 26 * i}" font-size="13">{name}</text>'
        f'<text x="98" y="{62 + 26 * i}" font-size="13.5">{escape(said)}</text>'
        for i, (name, said) in enumerate(lines)
    )
    said = ", ".join(f"{name}: {what}" for name, what in lines)
    return (
        f'<svg class="part" viewBox="0 0 300 132" role="img" aria-label="{title}. {escape(said)}">'
        f'<rect x="1" y="1" width="298" height="130" rx="9" fill="{colour}" fill-opacity="0.08" stroke="{colour}"/>'
        f'<rect x="1" y="1" width="8" height="130" rx="4" fill="{colour}"/>'
        f'<text x="26" y="32" font-size="16" font-weight="600">{title}</text>{rows}</svg>'
    )
