"""Has the model beside this file write down what is said in sound files.

    pip install -r requirements.txt
    python usage.py SOUND …

It prints a line of JSON a file. A file is read as the mean of its channels, at 16,000 samples a second; silence before
and after is left off, and what is longer than 28 seconds is split in the pauses.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engines.exports.usage_parts import HERE, RUN, Row, each, named, say_all, words_given
from engines.speech.audio.files import RATE
from engines.speech.audio.sound_parts import spoken
from engines.speech.models.whisper import MOST_TOKENS, TOKENS_A_SECOND, TOKENS_AT_LEAST, greedy


def listener() -> Callable[[np.ndarray], str]:
    """Samples float32 (N,) -> what is said in them."""
    if RUN["whisper"]:
        from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration, WhisperTokenizer

        model: Any = WhisperForConditionalGeneration.from_pretrained(HERE, dtype=torch.float32).eval()
        tokenizer: Any = WhisperTokenizer.from_pretrained(HERE)
        ear: Any = WhisperFeatureExtractor.from_pretrained(HERE)

        def listen(sound: np.ndarray) -> str:
            most = min(MOST_TOKENS, TOKENS_AT_LEAST + round(TOKENS_A_SECOND * len(sound) / RATE))
            with torch.no_grad():
                features = ear(sound, sampling_rate=RATE, return_tensors="pt").input_features
                states = model.model.encoder(features).last_hidden_state
                (tokens,) = greedy(model, states, RUN["prompt"], [most])
            text: str = tokenizer.decode(tokens, skip_special_tokens=True)
            return text.strip()

        return listen
    else:
        from transformers import AutoModelForCTC, Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor

        network: Any = AutoModelForCTC.from_pretrained(HERE, dtype=torch.float32).eval()
        letters: Any = Wav2Vec2CTCTokenizer.from_pretrained(HERE)
        hear: Any = Wav2Vec2FeatureExtractor.from_pretrained(HERE)

        def spell(sound: np.ndarray) -> str:
            with torch.no_grad():
                logits = network(hear(sound, sampling_rate=RATE, return_tensors="pt").input_values).logits
            text: str = letters.decode(logits[0].argmax(-1).tolist())
            return text.strip()

        return spell


def model() -> Callable[[Path], Row]:
    """Loads it; what it then hears in a sound file. Raises ValueError for one that cannot be read."""
    listen = listener()

    def answer(path: Path) -> Row:
        said = [listen(part) for part in spoken(path)]
        return {"label": " ".join(text for text in said if text)}

    return answer


if __name__ == "__main__":
    sounds = named(Path(word) for word in words_given("SOUND …"))
    sys.exit(say_all(each(sounds, model())))
