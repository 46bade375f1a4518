"""Vision: teach a network that has seen a million photographs to tell your classes apart."""

from engines.messages import _
from ui import workbench
from ui.page import frame
from ui.steps import data, model, strategy
from ui.vision import clinic

TASK = "vision.classification"

with frame.page(_("Vision"), _("Teach a network that has seen a million photographs to tell **your** classes apart.")):
    desk = workbench.open(TASK)
    if desk:
        match frame.steps(desk.step):
            case "data":
                data.show(desk.draft, clinic.found)
            case "model":
                model.show(desk.draft, by_hand=_("Any timm model, CLIP or SigLIP"), example="resnet34.a1_in1k")
            case "strategy":
                strategy.show(desk.draft)
            case "train":
                workbench.train(desk)
            case "result":
                workbench.result(desk, clinic.show)
