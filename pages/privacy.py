"""Privacy: what is kept, how long, and who can see it."""

from ui.hosting import privacy
from ui.page import frame

with frame.page("Privacy", "What is kept, for how long, and who can see it."):
    privacy.show()
