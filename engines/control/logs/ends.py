"""Where episodes end, whatever a file calls it: terminated, truncated, done, not_done."""

from __future__ import annotations

from collections.abc import MutableMapping

import numpy as np

from engines.messages import _


def settled(parts: MutableMapping[str, np.ndarray]) -> list[str]:
    """Makes `terminated` and `truncated` of whatever is there, in place; says how, in sentences.

    `done` is what older Gym says for both: where an episode was cut off is taken from it, if the file says that too.
    """
    notes = []
    ended = parts.pop("done", None)
    going_on = parts.pop("not_done", None)
    if ended is None and going_on is not None:
        ended = 1.0 - going_on
        notes.append(_("Where not_done is 0 an episode ended."))
    if ended is not None and "terminated" not in parts:
        cut_off = parts.get("truncated")
        if cut_off is None:
            parts["terminated"] = ended
            notes.append(_("'done' counts as the end of an episode; whether one was only cut off by time is not said."))
        else:
            parts["terminated"] = np.where(cut_off == 1, 0.0, ended)
    return notes
