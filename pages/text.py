"""Text: teach a network that has read a library to tell your texts apart, to answer, and to translate."""

from ui import chat, data_step, frame, model_step, strategy_step, text_result, text_step, translations, workbench

TASKS = ("text.sentiment", "text.generation", "text.translation")
FOUND = dict(zip(TASKS, (text_step.found, chat.found, translations.found), strict=True))
RESULTS = dict(zip(TASKS, (text_result.show, chat.result, translations.result), strict=True))
EXAMPLES = dict(zip(TASKS, ("google-bert/bert-base-cased", "openai-community/gpt2", "google-t5/t5-base"), strict=True))
ACCEPTS = ("csv", "tsv", "txt", "jsonl", "json", "parquet", "xlsx", "zip")
WHOLE = tuple(f".{ending}" for ending in ACCEPTS)

with frame.page(
    "Text", "Teach a network that has read a library to tell **your** texts apart, or to write as **you** do."
):
    desk = workbench.open(*TASKS)
    if desk:
        workbench.switch(desk, *TASKS)
        task = desk.info.name
        match frame.steps(desk.step):
            case "data":
                data_step.show(desk.draft, ACCEPTS, FOUND[task], WHOLE)
            case "model":
                model_step.show(desk.draft, by_hand="Any model on the hub", example=EXAMPLES[task])
            case "strategy":
                strategy_step.show(desk.draft)
            case "train":
                workbench.train(desk)
            case "result":
                workbench.result(desk, RESULTS[task])
