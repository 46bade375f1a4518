"""Speech: one file a task, and what its tasks share: reading clips, the models that hear them, what accents cost.
Only the tasks' own methods import torch."""

from engines.contract import DomainInfo
from engines.messages import _

DOMAIN = DomainInfo(_("Speech"), ":material/mic:", _("Accents, transcription, voices"))
