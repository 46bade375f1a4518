"""Which words decided."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engines import places
from engines.contract import InputError, Problem
from engines.explain.attributions import shares
from engines.runs import RunFolder
from engines.text.datasets import open_texts, open_unlabelled
from engines.text.predicting import TextClassifier
from engines.text.reading import Read
from engines.text.settings import TextSettings
from engines.training.tokens import Tokens

METHODS = {"integrated-gradients": "Integrated gradients"}


def explain(
    run: Path, data: Path, _: Path, *, method: str | None = None, example: str | None = None
) -> list[dict[str, Any]]:
    """A row a text of `data`: {'file', 'label', 'method', 'tokens', 'scores', 'completeness_error', 'steps'}.

    `tokens` are the text's pieces in order, `scores` what each adds to the logit of the class that was said. With
    `example`, only the test text of that name. Nothing is drawn. Raises InputError for a method
    that is not known and an example that is not there.
    """
    if method not in {None, *METHODS}:
        raise InputError(Problem("method", f"found {method!r}", f"accepted: {', '.join(METHODS)}"))
    classifier = TextClassifier(run)
    if example is None:
        texts, skipped = open_unlabelled(data, places.work(data))
    else:
        texts, skipped = [(example, text_of(run, data, example))], []
    rows: list[dict[str, Any]] = [{"file": entry.where, "error": entry.reason} for entry in skipped]
    return rows + [{"file": name} | attributed(classifier, text) for name, text in texts]


def text_of(run: Path, data: Path, example: str) -> str:
    """The text of that name in the data a run was tested on, read as the run read them. Raises InputError."""
    settings = TextSettings.parse(RunFolder(run).recipe.settings)
    found = open_texts(
        data, places.work(data), text_column=settings.text_column, label_column=settings.label_column, to_train=False
    )
    for text in found.examples:
        if text.name == example:
            return text.text
    raise InputError(Problem(f"example {example}", "there is no such text in the data", "accepted: a row's name"))


def attributed(classifier: TextClassifier, text: str) -> dict[str, Any]:
    """What each word of `text` adds to the logit of the class that is said, all windows at once.

    Integrated gradients between the network's first stage (its word vectors) for the text, and for one in which every
    word has nothing in its place.
    """
    read, network = classifier.read(text), classifier.network
    with torch.no_grad():
        first: Tokens = network.run(classifier.inputs([read.windows]), 0, 1)  # (W, T, D)
        nothing: Tokens = network.run(classifier.inputs([classifier.reader.without_words(read)]), 0, 1)
        target = int(network(first, 1).argmax())

    def logits(values: Tensor) -> Tensor:
        """(S, C) from as many texts, (S, W, T, D)."""
        texts, windows = values.shape[:2]
        owner = torch.arange(texts, device=values.device).repeat_interleave(windows)
        return network(Tokens(values.flatten(0, 1), first.mask.repeat(texts, 1), owner), 1)

    found, error, steps = shares(logits, first.values[None], nothing.values[None], target)
    tokens, scores = by_word(text, read, found[0].sum(-1).cpu(), classifier.reader.added // 2)
    return {
        "label": classifier.classes[target],
        "method": METHODS["integrated-gradients"],
        "tokens": tokens,
        "scores": scores,
        "completeness_error": error,
        "steps": steps,
    }


def by_word(text: str, read: Read, shares: Tensor, before: int) -> tuple[list[str], list[float]]:
    """The words of a text and what each adds: its tokens' shares, float (W, T), `before` places after the first."""
    words: dict[tuple[int, int], tuple[int, int, float]] = {}
    for window, pieces in enumerate(read.pieces):
        for place, piece in enumerate(pieces):
            if piece.word is None:
                continue
            share = float(shares[window, place + before])
            start, _, so_far = words.get((window, piece.word), (piece.start, piece.end, 0.0))
            words[window, piece.word] = start, piece.end, so_far + share
    return [text[start:end] for start, end, _ in words.values()], [share for _, _, share in words.values()]
