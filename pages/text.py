"""Text: teach a network that has read a library to tell your texts apart, to answer, and to translate."""

from engines.messages import _
from ui import workbench
from ui.page import frame
from ui.steps import data, model, strategy
from ui.text import generation, sentiment_data, sentiment_result, translation

TASKS = ("text.sentiment", "text.generation", "text.translation")
FOUND = dict(zip(TASKS, (sentiment_data.found, generation.found, translation.found), strict=True))
RESULTS = dict(zip(TASKS, (sentiment_result.show, generation.result, translation.result), strict=True))
EXAMPLES = dict(zip(TASKS, ("google-bert/bert-base-cased", "openai-community/gpt2", "google-t5/t5-base"), strict=True))

with frame.page(
    _("Text"), _("Teach a network that has read a library to tell **your** texts apart, or to write as **you** do.")
):
    desk = workbench.open(*TASKS)
    if desk:
        workbench.switch(desk, *TASKS)
        task = desk.info.name
        match frame.steps(desk.step):
            case "data":
                data.show(desk.draft, FOUND[task])
            case "model":
                model.show(desk.draft, by_hand=_("Any model on the hub"), example=EXAMPLES[task])
            case "strategy":
                strategy.show(desk.draft)
            case "train":
                workbench.train(desk)
            case "result":
                workbench.result(desk, RESULTS[task])
