"""Words: what Headstart's words mean, one sentence each."""

from engines.messages import _
from ui.page import frame, glossary

with frame.page(_("Words"), _("What the words on these pages mean. Point at one with a dotted line on any page.")):
    glossary.all_of_them()
