"""A trained recogniser to take home, as Transformers loads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engines.contract import Task
from engines.exports import bundle, script
from engines.messages import _
from engines.speech.audio import files, resampling, sound_parts, voice_activity
from engines.speech.models import whisper
from engines.speech.transcription import predict, usage

NEEDS = ("transformers", "safetensors")
HOW = _("""\
```
pip install -r requirements.txt
python usage.py SOUND …
```

prints what is said in each sound file. Of a file the mean of its channels is heard, at 16,000 samples a second, without
the silence before and after; what is longer than 28 seconds is split in the pauses.""")


def export(task: Task, run: Path, out: Path) -> Path:
    """The model in Transformers' files, a script that asks it, model card and recipe, as a folder, or as a zip when
    `out` ends in .zip.

    Raises InputError when the run holds no model.
    """
    model = predict.model_folder(run)
    recogniser: Any = predict.Transcriber(run).recogniser
    prompt = getattr(recogniser, "prompt", None)
    parts = [module.__name__ for module in (sound_parts, voice_activity, files, resampling, whisper)]
    with bundle.parcel(out) as folder:
        bundle.copied(
            [
                file
                for file in sorted(model.iterdir())
                if file.name not in {predict.OWN, *bundle.FOR_SCRIPTS} and not file.name.startswith(".")
            ],
            folder,
        )
        constants = {"whisper": prompt is not None, "prompt": prompt}
        script.write_usage(folder, usage.__file__, constants, run, (*sound_parts.needs(), *NEEDS), parts)
        bundle.papers(folder, run, HOW)
    return out
