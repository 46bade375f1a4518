"""Which words decided."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel

from engines import paths
from engines.attribution import faithfulness
from engines.attribution.attributions import shares
from engines.contract import InputError, Problem, Task
from engines.messages import _, told
from engines.runs import RunFolder
from engines.text.models.tokenising import Read
from engines.text.sentiment.dataset import open_texts
from engines.text.sentiment.predict import AT_ONCE, TextClassifier
from engines.text.settings import TextSettings
from engines.text.unlabelled import Unlabelled, open_unlabelled
from engines.training.staged import Staged
from engines.training.tokens import Tokens

METHODS = {"integrated-gradients": _("Integrated gradients")}


def explain(
    task: Task, run: Path, data: Path, out: Path, *, method: str | None = None, example: str | None = None
) -> list[dict[str, Any]]:
    """A row a text of `data`: {'file', 'label', 'method', 'tokens', 'scores', 'completeness_error', 'steps'}, of a
    table 'column', and of the first texts 'faithfulness' (see `attribution.faithfulness`).

    `tokens` are the text's pieces in order, `scores` what each adds to the logit of the class that was said. With
    `example`, only the test text of that name. Nothing is drawn. Raises InputError for a method
    that is not known and an example that is not there.
    """
    if method not in {None, *told(METHODS)}:
        raise InputError(
            Problem(
                "method",
                _("found {method!r}", method=method),
                _("accepted: {methods}", methods=", ".join(told(METHODS))),
            )
        )
    classifier = TextClassifier(run)
    if example is None:
        given = open_unlabelled(data, paths.work(data), text_column=classifier.text_column)
    else:
        given = Unlabelled([(example, text_of(run, data, example))])
    rows = given.errors
    for number, (name, text) in enumerate(given.texts):
        found = {"file": name} | attributed(classifier, text) | given.reading
        if number < faithfulness.MOST:
            found["faithfulness"] = tested(classifier, text, found)
        rows.append(found)
    return rows


def text_of(run: Path, data: Path, example: str) -> str:
    """The text of that name in the data a run was tested on, read as the run read them. Raises InputError."""
    settings = TextSettings.parse(RunFolder(run).recipe.settings)
    found = open_texts(data, settings, to_train=False)
    for text in found.examples:
        if text.name == example:
            return text.text
    raise InputError(
        Problem(
            _("example {example}", example=example), _("there is no such text in the data"), _("accepted: a row's name")
        )
    )


def attributed(classifier: TextClassifier, text: str) -> dict[str, Any]:
    """What each word of `text` adds to the logit of the class that is said, all windows at once.

    Integrated gradients between the network's first stage (its word vectors) for the text, and for one in which every
    word has nothing in its place. Of a network that is one stage: between what its word table gives for the two.
    """
    read, network = classifier.read(text), classifier.network
    ids = classifier.inputs([read.windows])
    nothing = classifier.inputs([classifier.reader.without_words(read)])
    enter: Enter = stage_by_stage if len(network.stages) > 1 else with_word_vectors
    with torch.no_grad():
        first, blank, logits = enter(network, ids, nothing)
        target = int(logits(first).argmax())
    found, error, steps = shares(logits, first, blank, target)
    tokens, scores = by_word(text, read, found[0].sum(-1).cpu(), classifier.reader.added // 2)
    return {
        "label": classifier.classes[target],
        "method": told(METHODS)["integrated-gradients"],
        "tokens": tokens,
        "scores": scores,
        "completeness_error": error,
        "steps": steps,
    }


Logits = Callable[[Tensor], Tensor]
"""(S, C) from the word vectors of S texts, (S, W, T, D)."""
Enter = Callable[[Staged, Tokens, Tokens], tuple[Tensor, Tensor, Logits]]
"""(network, the text's windows, the same without words) -> the word vectors of both, (1, W, T, D) each, and what the
network makes of such vectors."""


def stage_by_stage(network: Staged, ids: Tokens, nothing: Tokens) -> tuple[Tensor, Tensor, Logits]:
    """Enters behind the first stage."""
    first: Tokens = network.run(ids, 0, 1)
    blank: Tokens = network.run(nothing, 0, 1)

    def logits(values: Tensor) -> Tensor:
        return network(Tokens(values.flatten(0, 1), first.mask.repeat(len(values), 1), owners(values)), 1)

    return first.values[None], blank.values[None], logits


def with_word_vectors(network: Staged, ids: Tokens, nothing: Tokens) -> tuple[Tensor, Tensor, Logits]:
    """Runs the whole network, with other vectors in the place of those that it looks up in its word table.

    Where a text is followed by a sentence, only the text's vectors are others. A decoder that reads the text once more,
    one place later (BART), gets the same vectors.
    """
    model = network.model
    assert isinstance(model, PreTrainedModel)
    words = model.get_input_embeddings().weight
    tables = [module for module in model.modules() if isinstance(module, nn.Embedding) and module.weight is words]

    def hooked(tokens: Tokens, hook: Callable[..., Any]) -> Tensor:
        hooks = [table.register_forward_hook(hook) for table in tables]
        try:
            return network(tokens)
        finally:
            for each in hooks:
                each.remove()

    def looked_up(tokens: Tokens) -> Tensor:
        seen: list[Tensor] = []
        hooked(tokens, lambda _module, _given, found: seen.append(found))
        return seen[0][None, :, : tokens.mask.shape[1]]

    def logits(values: Tensor) -> Tensor:
        texts, windows = len(values), values.flatten(0, 1)  # (S W, T, D)
        own, mask = ids.values.repeat(texts, 1), ids.mask.repeat(texts, 1)

        def replaced(_: nn.Module, given: tuple[Tensor, ...], found: Tensor) -> Tensor:
            length = mask.shape[1]
            late = int(not torch.equal(given[0][:, :length][mask], own[mask]))
            behind = given[0].shape[1] - length - late
            there = F.pad(mask, (late, behind))[..., None]
            return torch.where(there, F.pad(windows, (0, 0, late, behind)), found)

        return hooked(Tokens(own, mask, owners(values)), replaced)

    return looked_up(ids), looked_up(nothing), logits


def owners(values: Tensor) -> Tensor:
    """int64 (S W,): the text of each window of values (S, W, …)."""
    return torch.arange(len(values), device=values.device).repeat_interleave(values.shape[1])


def by_word(text: str, read: Read, shares: Tensor, before: int) -> tuple[list[str], list[float]]:
    """The words of a text and what each adds: its tokens' shares, float (W, T), `before` places after the first."""
    tokens, scores = [], []
    for window, places in words_of(read):
        pieces = read.pieces[window]
        tokens.append(text[pieces[places[0]].start : pieces[places[-1]].end])
        scores.append(sum(float(shares[window, place + before]) for place in places))
    return tokens, scores


def words_of(read: Read) -> list[tuple[int, list[int]]]:
    """Each word of a text: its window, and the places of its tokens in it."""
    words: dict[tuple[int, int], list[int]] = {}
    for window, pieces in enumerate(read.pieces):
        for place, piece in enumerate(pieces):
            if piece.word is not None:
                words.setdefault((window, piece.word), []).append(place)
    return [(window, places) for (window, _), places in words.items()]


def tested(classifier: TextClassifier, text: str, found: dict[str, Any]) -> dict[str, Any] | None:
    """Whether the probability of the class that was said follows the words' scores in `found` (see `attributed`) more
    than it follows their lengths. Words are taken away by putting nothing in their places."""
    read, target = classifier.read(text), classifier.classes.index(found["label"])
    nothing = classifier.reader.without_words(read)
    unit_of = [torch.full((len(window),), -1) for window in read.windows]  # -1 stays: the marks around a text
    for unit, (window, places) in enumerate(words_of(read)):
        unit_of[window][places] = unit

    def left(away: Tensor) -> list[Tensor]:
        """The windows without the words that are taken away, bool (U,)."""
        gone = [(own >= 0) & away[own.clamp_min(0)] for own in unit_of]
        return [
            torch.where(one.view(-1, *[1] * (window.ndim - 1)), blank, window)
            for one, window, blank in zip(gone, read.windows, nothing, strict=True)
        ]

    def score(removed: np.ndarray) -> np.ndarray:
        probabilities = []
        for some in torch.from_numpy(removed).split(AT_ONCE):
            with torch.no_grad():
                logits = classifier.network(classifier.inputs([left(away) for away in some])).double()
            probabilities.append((logits / classifier.temperature).softmax(1)[:, target].cpu())
        joined: np.ndarray = torch.cat(probabilities).numpy()
        return joined

    lengths = np.array([len(token) for token in found["tokens"]], dtype=float)
    return faithfulness.tested(score, np.array(found["scores"]), lengths, named=_("length of the word"))
