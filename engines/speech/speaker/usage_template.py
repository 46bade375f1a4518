"""Asks the model beside this file whose voice is in sound files.

    pip install -r requirements.txt
    python usage.py SOUND …

It prints a line of JSON a file: the voice, how likely it is, and how likely each voice is. A file is read as the mean
of its channels, at 16,000 samples a second, without the silence before and after; of a long one, its first part.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from engines.exports.usage_parts import HERE, Row, chosen, each, named, say_all, words_given
from engines.speech.audio.sound_parts import spoken

sys.path.insert(0, str(HERE))
from voice import LAYERS, Encoder, looks  # type: ignore[import-not-found]  # it lies beside this file


def model() -> Callable[[Path], Row]:
    """Loads it; what it then says of a sound file. Raises ValueError for one that cannot be read."""
    config = json.loads((HERE / "config.json").read_text(encoding="utf-8"))
    voices: list[str] = config["label_names"]
    network = Encoder(len(voices), config.get("layers", LAYERS)).eval()
    network.load_state_dict(load_file(HERE / "model.safetensors"))

    def answer(path: Path) -> Row:
        sound = spoken(path)[0]
        with torch.no_grad():
            logits = np.asarray(network(looks(sound)[None])[0].numpy())
        return chosen(voices, logits, config["headstart"]["temperature"])

    return answer


if __name__ == "__main__":
    sounds = named(Path(word) for word in words_given("SOUND …"))
    sys.exit(say_all(each(sounds, model())))
