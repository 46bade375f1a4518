"""Forecasting: adapt a network that has seen many series to your own, and see whether it beats seasonal naive."""

from ui import data_step, frame, model_step, series_result, series_step, strategy_step, workbench

TASK = "forecasting.forecast"
ACCEPTS = ("csv", "tsv", "txt", "parquet", "xlsx", "jsonl", "json", "zip")
WHOLE = tuple(f".{ending}" for ending in ACCEPTS)

with frame.page("Forecasting", "Adapt a network that has seen many series to **your** sales, prices or weather."):
    desk = workbench.open(TASK)
    if desk:
        match frame.steps(desk.step):
            case "data":
                data_step.show(desk.draft, ACCEPTS, series_step.found, WHOLE)
            case "model":
                model_step.show(desk.draft, by_hand="Another forecaster", example="fracast")
            case "strategy":
                strategy_step.show(desk.draft)
            case "train":
                workbench.train(desk)
            case "result":
                workbench.result(desk, series_result.show)
