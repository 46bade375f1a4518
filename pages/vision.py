"""Vision: teach a network that has seen a million photographs to tell your classes apart, or to find your things."""

from collections.abc import Callable

from engines.messages import _
from ui import workbench
from ui.page import frame
from ui.page.recorded import Finished
from ui.steps import data, model, strategy
from ui.vision import clinic, detection_data, detection_result, own_backbone

TASKS = ("vision.classification", "vision.detection")
RESULTS: dict[str, Callable[[Finished], None]] = {TASKS[0]: clinic.show, TASKS[1]: detection_result.show}
BY_HAND = {
    TASKS[0]: _("Any timm model, CLIP or SigLIP"),
    TASKS[1]: _("A detector of torchvision or of the hub's DETR family, or any timm model with stages"),
}
EXAMPLES = {TASKS[0]: "resnet34.a1_in1k", TASKS[1]: "ssdlite320_mobilenet_v3_large"}

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
                own = own_backbone.show if desk.info.name == "vision.classification" else None
                model.show(desk.draft, by_hand=BY_HAND[desk.info.name], example=EXAMPLES[desk.info.name], own=own)
            case "strategy":
                strategy.show(desk.draft)
            case "train":
                workbench.train(desk)
            case "result":
                workbench.result(desk, RESULTS[desk.info.name])
