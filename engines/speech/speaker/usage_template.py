"""Asks the model beside this file whose voice is in sound files.

    pip install -r requirements.txt
    python usage.py SOUND …

It prints a line of JSON a file: the voice, how likely it is, and how likely each voice is. A file is read as the mean
of its channels, at 16,000 samples a second, without the silence before and after; of a long one, its first part.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from engines.exports.usage_parts import HERE, chosen, say, words_given
from engines.speech.audio.sound_parts import spoken

sys.path.insert(0, str(HERE))
from voice import LAYERS, Encoder, looks  # type: ignore[import-not-found]  # it lies beside this file


def main(paths: list[Path]) -> int:
    config = json.loads((HERE / "config.json").read_text(encoding="utf-8"))
    voices: list[str] = config["label_names"]
    model = Encoder(len(voices), config.get("layers", LAYERS)).eval()
    model.load_state_dict(load_file(HERE / "model.safetensors"))
    unread = 0
    for path in paths:
        try:
            sound = spoken(path)[0]
        except ValueError as error:
            say({"file": path.name, "error": str(error)})
            unread += 1
            continue
        with torch.no_grad():
            logits = np.asarray(model(looks(sound)[None])[0].numpy())
        say({"file": path.name, **chosen(voices, logits, config["headstart"]["temperature"])})
    return 2 if unread == len(paths) else 0


if __name__ == "__main__":
    sys.exit(main([Path(word) for word in words_given("SOUND …")]))
