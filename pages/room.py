"""A room: join one by its code, or run one."""

from engines.messages import _
from ui.page import frame
from ui.rooms import instructor, page

with frame.page(_("Room"), _("People who learn together, and somebody who teaches them.")):
    instructor.ended()
    page.show()
