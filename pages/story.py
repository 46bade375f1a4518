"""What is transfer learning? The whole story, with what was measured, and a button for each part of it."""

from engines.messages import _
from ui.home import story
from ui.page import frame

with frame.page(
    _("What is transfer learning?"),
    _(
        "Starting from what is known. Every plot here was measured with Headstart, and every button opens the step "
        "that runs it."
    ),
):
    story.show()
