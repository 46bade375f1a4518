"""Vision: one file a task, and what its tasks share: reading pictures, finding them in people's data, samples.
Only the tasks' own methods import torch."""

from engines.contract import DomainInfo
from engines.messages import _

DOMAIN = DomainInfo(_("Vision"), ":material/image:", _("Tell photographs apart, find things in them"))
