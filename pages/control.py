"""Control: a policy that learnt in a simulator meets a robot whose physics differ, and crosses the gap."""

from engines.messages import _
from ui import workbench
from ui.control import data, result, strategy
from ui.page import frame
from ui.steps import data as data_step
from ui.steps import model
from ui.steps import strategy as strategy_step

TASK = "control.policy"

with frame.page(_("Control"), _("A policy that learnt in a simulator meets **your** robot, whose physics differ.")):
    desk = workbench.open(TASK)
    if desk:
        match frame.steps(desk.step):
            case "data":
                data_step.show(desk.draft, data.found, describe=data.describe, told=data.told)
            case "model":
                model.show(
                    desk.draft, only=data.policies(desk.draft), question=_("Which policy should yours start from?")
                )
            case "strategy":
                strategy_step.show(desk.draft, strategy.budget)
            case "train":
                workbench.train(desk)
            case "result":
                workbench.result(desk, result.show)
