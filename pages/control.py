"""Control: a policy that learnt in a simulator meets a robot whose physics differ, and crosses the gap."""

from ui import control_result, control_step, control_strategy, data_step, frame, model_step, strategy_step, workbench

TASK = "control.policy"
ACCEPTS = ("json", "xml", "csv", "tsv", "parquet", "npz", "zip")
WHOLE = tuple(f".{ending}" for ending in ACCEPTS)

with frame.page("Control", "A policy that learnt in a simulator meets **your** robot, whose physics differ."):
    desk = workbench.open(TASK)
    if desk:
        match frame.steps(desk.step):
            case "data":
                data_step.show(
                    desk.draft, ACCEPTS, control_step.found, WHOLE, describe=control_step.describe,
                    told=control_step.told,
                )  # fmt: skip
            case "model":
                model_step.show(
                    desk.draft, only=control_step.policies(desk.draft),
                    question="Which policy should yours start from?",
                )  # fmt: skip
            case "strategy":
                strategy_step.show(desk.draft, control_strategy.budget)
            case "train":
                workbench.train(desk)
            case "result":
                workbench.result(desk, control_result.show)
