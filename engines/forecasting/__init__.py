"""Series and their future: tables of dated numbers read, a pretrained forecaster adapted, and an honest test of it
on rolling origins beside seasonal naive, AutoETS, AutoARIMA and Theta."""

from engines.contract import DomainInfo

DOMAIN = DomainInfo("Forecasting", ":material/show_chart:", "Sales, weather, prices")
