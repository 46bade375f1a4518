"""A trained classifier of voices to take home, with the code that loads it."""

from __future__ import annotations

import shutil
from pathlib import Path

from engines.contract import Task
from engines.exports import bundle, script
from engines.messages import _
from engines.speech.audio import files, resampling, sound_parts, voice_activity
from engines.speech.models import ge2e_network
from engines.speech.speaker.predict import model_folder

NEEDS = ("safetensors",)
HOW = _("""\
```
pip install -r requirements.txt
python usage.py SOUND …
```

prints whose voice is in each sound file, and how likely each voice is. Of a file the mean of its channels is heard, at
16,000 samples a second, without the silence before and after; of a long one, its first part.""")


def export(task: Task, run: Path, out: Path) -> Path:
    """Weights, config, voice.py to load them with, a script that asks it, model card and recipe; a zip when `out` ends
    in .zip.

    Raises InputError when the run holds no model.
    """
    model = model_folder(run)
    parts = [module.__name__ for module in (sound_parts, voice_activity, files, resampling)]
    with bundle.parcel(out) as folder:
        bundle.copied([model / name for name in ("model.safetensors", "config.json")], folder)
        shutil.copyfile(ge2e_network.__file__, folder / "voice.py")
        script.write_usage(folder, __file__, {}, run, (*sound_parts.needs(), *NEEDS), parts)
        bundle.papers(folder, run, HOW)
    return out
