"""The operator's page of a public host: not in the navigation, and not there at all without a token."""

from engines.messages import _
from ui.hosting import operator_page
from ui.page import frame

with frame.page(_("Operator"), _("How this host is, without a word of whose runs they are.")):
    operator_page.show()
