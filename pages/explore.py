"""Look through: data without labels, on a map, in groups, and one by one until they have labels."""

from engines.messages import _
from ui.page import frame
from ui.unlabelled import page

with frame.page(
    _("Look through"), _("Data that nobody has labelled: see what is there, and label what is worth most first.")
):
    page.show()
