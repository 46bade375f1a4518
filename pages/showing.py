"""By showing: a few examples of each class to the camera, the microphone or in a box, and the app tells them apart."""

from engines.messages import _
from ui.page import frame
from ui.showing import boxes, shown, start, teach

with frame.page(
    _("By showing"),
    _("Show a few examples of each class. The app tells them apart at once, and says how well it does."),
):
    dataset = start.opened()
    if dataset is None:
        start.choose()
    elif dataset.only_shown:
        shown.show(dataset)
    elif dataset.about.kind == "boxes":
        boxes.show(dataset)
    else:
        teach.show(dataset)
