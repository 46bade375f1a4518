"""Vision: teach a network that has seen a million photographs to tell your classes apart, or to find your things."""

from collections.abc import Callable

from engines.messages import _
from ui import workbench
from ui.page import frame
from ui.page.recorded import Finished
from ui.steps import data, model, strategy
from ui.vision import clinic, detection_data, detection_result

TASKS = ("vision.classification", "vision.detection")
RESULTS: dict[str, Callable[[Finished], None]] = {TASKS[0]: clinic.show, TASKS[1]: detection_result.show}
BY_HAND = dict(zip(TASKS, (_("Any timm model, CLIP or SigLIP"), _("Any timm model with stages")), strict=True))

with frame.page(
    _("Vision"),
    _("Teach a network that has seen a million photographs to tell **your** classes apart, or find **your** things."),
):
    desk = workbench.open(*TASKS)
    if desk:
        workbench.switch(desk, *TASKS)
        match frame.steps(desk.step):
            case "data":
                if desk.info.name == "vision.detection":
                    data.show(desk.draft, detection_data.found, bring=detection_data.bring)
                else:
                    data.show(desk.draft, clinic.found)
            case "model":
                model.show(desk.draft, by_hand=BY_HAND[desk.info.name], example="resnet34.a1_in1k")
            case "strategy":
                strategy.show(desk.draft)
            case "train":
                workbench.train(desk)
            case "result":
                workbench.result(desk, RESULTS[desk.info.name])
