"""The forecasters: Fracast and models of the hub, the statistical baselines, the regression on known columns."""
