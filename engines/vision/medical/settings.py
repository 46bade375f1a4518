"""How scans are read, as settings. Light: pages read it."""

from __future__ import annotations

from engines.contract import setting
from engines.messages import _

WINDOW, RANGE = "as written", "whole range"
"""As the setting `window`: the file's own; from the lowest to the highest value but the outermost half per cent."""
OF_CT = ("40/400", "40/80", "-600/1500", "400/1800")
"""Usual windows of computed tomography for soft tissue, brain, lung and bone: centre/width in Hounsfield units."""
FRAMES = ("middle", "all", "first")
AXES = {"sagittal": 0, "coronal": 1, "axial": 2}
"""Of a volume whose axes go to the right, to the front and up."""
TAG, NAME, NONE = "DICOM tag", "file name", "nobody"
"""As the setting `patients`, beside the names of columns."""


def window_setting() -> str:
    return setting(
        WINDOW,
        _(
            "Which values of a scan are black and white: '{as_written}' in the file, '{whole}', or centre/width "
            "such as 40/400",
            as_written=WINDOW,
            whole=RANGE,
        ),
        title=_("Window"),
        reads=True,
    )


def frames_setting() -> str:
    return setting("middle", _("Which frames of a DICOM file with several are read"), choices=FRAMES, reads=True)


def axis_setting() -> str:
    return setting("axial", _("Along which axis a NIfTI volume is cut"), choices=tuple(reversed(AXES)), reads=True)


def slice_step_setting() -> int | None:
    return setting(
        None,
        _("Every how many slices of a NIfTI volume one is read; by default about ten of each"),
        low=1,
        high=1000,
        reads=True,
    )


def patients_setting() -> str | None:
    """The setting by which a person says whose picture each is."""
    return setting(
        None,
        _(
            "Whose picture each is, so that nobody is learnt from and tested on: a column of the table, '{tag}', "
            "'{name}', a regular expression that finds it in the file's path, or '{none}'; by default guessed",
            tag=TAG,
            name=NAME,
            none=NONE,
        ),
        title=_("Patients"),
        reads=True,
    )
