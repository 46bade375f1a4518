"""Vision: teach a network that has seen a million photographs to tell your classes apart."""

from functools import partial

from ui import data_step, frame, model_step, result_step, strategy_step, workbench

TASK = "vision.classification"
ACCEPTS = ("zip", "npz", "csv", "jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff")

with frame.page("Vision", "Teach a network that has seen a million photographs to tell **your** classes apart."):
    desk = workbench.open(TASK)
    if desk:
        match frame.steps(desk.step):
            case "data":
                data_step.show(desk.draft, ACCEPTS)
            case "model":
                model_step.show(desk.draft, by_hand="Any timm model", example="resnet34.a1_in1k")
            case "strategy":
                strategy_step.show(desk.draft)
            case "train":
                workbench.train(desk)
            case "result":
                workbench.result(desk, partial(result_step.show, camera=True))
