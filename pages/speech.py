"""Speech: a model that has heard thousands of hours learns how you say it, or whose voice it hears."""

from ui import (
    data_step,
    frame,
    model_step,
    speech_result,
    speech_step,
    strategy_step,
    voices_result,
    workbench,
)

TASKS = ("speech.transcription", "speech.speaker")
ACCEPTS = ("zip", "wav", "flac", "ogg", "mp3", "csv", "tsv")
RESULTS = dict(zip(TASKS, (speech_result.show, voices_result.show), strict=True))

with frame.page(
    "Speech", "A model that has heard thousands of hours learns how **you** say it, and whose voice it is."
):
    desk = workbench.open(*TASKS)
    if desk:
        workbench.switch(desk, *TASKS)
        match frame.steps(desk.step):
            case "data":
                own_voice = speech_step.record if desk.info.name == TASKS[0] else None
                data_step.show(desk.draft, ACCEPTS, speech_step.found, (".zip",), bring=own_voice)
            case "model":
                model_step.show(
                    desk.draft, by_hand="Any Whisper or CTC model of the hub", example="openai/whisper-small"
                )
            case "strategy":
                strategy_step.show(desk.draft)
            case "train":
                workbench.train(desk)
            case "result":
                workbench.result(desk, RESULTS[desk.info.name])
