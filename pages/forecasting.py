"""Forecasting: adapt a network that has seen many series to your own, and see whether it beats seasonal naive."""

from engines.messages import _
from ui import workbench
from ui.forecasting import data as series_step
from ui.forecasting import result
from ui.page import frame
from ui.steps import data, model, strategy

TASK = "forecasting.forecast"

with frame.page(_("Forecasting"), _("Adapt a network that has seen many series to **your** sales, prices or weather.")):
    desk = workbench.open(TASK)
    if desk:
        match frame.steps(desk.step):
            case "data":
                data.show(desk.draft, series_step.found)
            case "model":
                model.show(desk.draft, by_hand=_("Another forecaster"), example="fracast")
            case "strategy":
                strategy.show(desk.draft)
            case "train":
                workbench.train(desk)
            case "result":
                workbench.result(desk, result.show)
