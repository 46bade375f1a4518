"""Speech: a model that has heard thousands of hours learns how you say it, or whose voice it hears."""

from engines.messages import _
from ui import workbench
from ui.page import frame
from ui.speech import data as speech_step
from ui.speech import speaker_result, transcription_result
from ui.steps import data, model, strategy

TASKS = ("speech.transcription", "speech.speaker")
RESULTS = dict(zip(TASKS, (transcription_result.show, speaker_result.show), strict=True))

with frame.page(
    _("Speech"), _("A model that has heard thousands of hours learns how **you** say it, and whose voice it is.")
):
    desk = workbench.open(*TASKS)
    if desk:
        workbench.switch(desk, *TASKS)
        match frame.steps(desk.step):
            case "data":
                own_voice = speech_step.record if desk.info.name == TASKS[0] else None
                data.show(desk.draft, speech_step.found, bring=own_voice)
            case "model":
                model.show(desk.draft, by_hand=_("Any Whisper or CTC model of the hub"), example="openai/whisper-small")
            case "strategy":
                strategy.show(desk.draft)
            case "train":
                workbench.train(desk)
            case "result":
                workbench.result(desk, RESULTS[desk.info.name])
