"""Series and their future: tables of dated numbers read, a pretrained forecaster adapted, and an honest test of it
on rolling origins beside seasonal naive, AutoETS, AutoARIMA and Theta."""

from engines.contract import DomainInfo
from engines.messages import _

DOMAIN = DomainInfo(_("Forecasting"), ":material/show_chart:", _("Sales, weather, prices"))
