"""Asks the model beside this file what texts say.

    pip install -r requirements.txt
    python usage.py "a text" "another text"
    python usage.py TEXTS.csv

A table has its texts in a column called text, or in its only column; of a .txt file each line is a text. It prints a
line of JSON a text: the class, how likely it is, and how likely each class is.
"""

import sys
from collections.abc import Callable

import torch
from safetensors.torch import load_file

from engines.exports.usage_parts import HERE, RUN, Row, asked, chosen, each, say_all, texts_of, words_given

sys.path.insert(0, str(HERE))
from engines.text.models.elmo import Elmo, ElmoForSequenceClassification, ElmoSizes
from engines.text.models.elmo_input import characters, words


def windows(text: str) -> list[list[str]]:
    """The text's words; a long one is read in several windows, and their answers are averaged."""
    spelled = words(text) or [""]
    starts = range(0, len(spelled), RUN["max_tokens"])
    return [spelled[start : start + RUN["max_tokens"]] for start in starts][: RUN["max_windows"]]


def model() -> Callable[[str], Row]:
    """Loads it; what it then says of a text. Raises ValueError for an empty one."""
    network = ElmoForSequenceClassification(Elmo(ElmoSizes(**RUN["sizes"])), len(RUN["classes"]), RUN["depth"])
    network.load_state_dict(load_file(HERE / "model.safetensors"))
    network.eval()

    def answer(text: str) -> Row:
        with torch.no_grad():
            logits = network(characters(windows(text))).mean(0).numpy()
        return chosen(RUN["classes"], logits, RUN["temperature"])

    return asked(answer)


if __name__ == "__main__":
    texts = texts_of(words_given('"a text" … or TEXTS.csv'), RUN["columns"])
    sys.exit(say_all(each(texts, model())))
