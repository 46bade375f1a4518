"""Control: a policy learnt in a simulator meets a robot whose physics differ.

The gap is shown, and closed with as few real steps as possible; every one of them is counted.
"""

from engines.contract import DomainInfo
from engines.messages import _

DOMAIN = DomainInfo(_("Control"), ":material/stadia_controller:", _("From simulation to the real robot"))
