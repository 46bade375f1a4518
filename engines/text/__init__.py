"""Text: teach a network that has read a library to tell your texts apart, to answer, and to translate.
One light file a task, and what the tasks share; torch and transformers are imported by workers only."""

from engines.contract import DomainInfo
from engines.messages import _

DOMAIN = DomainInfo(_("Text"), ":material/chat:", _("Reviews, answers, translation"))
