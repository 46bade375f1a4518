"""Privacy: what is kept, how long, and who can see it."""

from engines.messages import _
from ui.hosting import privacy
from ui.page import frame

with frame.page(_("Privacy"), _("What is kept, for how long, and who can see it.")):
    privacy.show()
