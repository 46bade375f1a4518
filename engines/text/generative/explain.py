"""Which words of the question, or of the sentence, an answer or a translation came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow.parquet as pq
import torch
from torch import Tensor, nn

from engines.attribution import faithfulness
from engines.attribution.attributions import shares
from engines.contract import InputError, Problem, Task
from engines.messages import _, told
from engines.text.generative import encoding, model_files
from engines.text.generative.model_files import Loaded
from engines.text.unlabelled import Unlabelled

METHODS = {"integrated-gradients": _("Integrated gradients")}
MOST_EXPLAINED = 20
"""Rows of a table that are explained: each takes dozens of passes through the network."""
AT_ONCE = 8


class Writer(Protocol):
    """What is asked of a task's predictor."""

    loaded: Loaded

    def questions(self, data: Path) -> Unlabelled:
        """The questions in a table."""

    def prompt(self, text: str) -> list[int]:
        """A question as the model reads it, in tokens."""

    def own(self, text: str) -> list[bool]:
        """Which tokens of `prompt(text)` are the question's."""

    def limit(self, ids: list[int]) -> int:
        """Tokens after which the answer to these is given up."""


def explain(
    task: Task, run: Path, data: Path, out: Path, *, method: str | None = None, example: str | None = None
) -> list[dict[str, Any]]:
    """A row a question of `data`: {'file', 'label', 'method', 'tokens', 'scores', 'completeness_error', 'steps'}.

    `label` is what the model writes; `tokens` are the pieces of the question, `scores` what each adds to the
    log-likelihood (nats) of what it wrote, and 'faithfulness' whether they can be trusted in that (see
    `attribution.faithfulness`). With `example`, only the test example of that name in predictions.parquet.
    Raises InputError for a method that is not known and an example that is not there.
    """
    if method not in {None, *told(METHODS)}:
        raise InputError(
            Problem(
                "method",
                _("found {method!r}", method=method),
                _("accepted: {methods}", methods=", ".join(told(METHODS))),
            )
        )
    bot: Writer = task.verb("predict").load(task, run)
    given = bot.questions(data) if example is None else Unlabelled([(example, _tested(run, example))])
    rows = given.errors
    for name, text in given.texts[:MOST_EXPLAINED]:
        ids = bot.prompt(text)
        own = attributed(bot.loaded, ids, bot.own(text), bot.limit(ids))
        rows.append({"file": name} | own | given.reading)
    for name, _unused in given.texts[MOST_EXPLAINED:]:
        rows.append(
            {
                "file": name,
                "error": _("is not explained: the first {most_explained} are", most_explained=MOST_EXPLAINED),
            }
        )
    return rows


def _tested(run: Path, example: str) -> str:
    try:
        table = pq.read_table(run / "predictions.parquet", columns=["file", "question"])
    except OSError:
        raise InputError(
            Problem(_("run {name}", name=run.name), _("it has no predictions"), _("accepted: a run that is done"))
        ) from None
    known = dict(zip(table["file"].to_pylist(), table["question"].to_pylist(), strict=True))
    if example not in known:
        raise InputError(
            Problem(
                _("example {example}", example=example),
                _("it was not tested on"),
                _("accepted: a file of predictions.parquet"),
            )
        )
    return str(known[example])


def attributed(loaded: Loaded, ids: list[int], own: list[bool], limit: int) -> dict[str, Any]:
    """What each of `own` tokens among `ids` adds to the log-likelihood of what the model writes next, `limit`
    tokens at most.

    Integrated gradients between the tokens' embeddings and nothing in their place; what the chat template puts around
    them stays.
    """
    model, tokenizer, device = loaded.model, loaded.tokenizer, loaded.device
    read = torch.tensor([ids], device=device)
    beams = getattr(loaded.settings, "beams", 1)
    tokens = model_files.written(model, tokenizer, [ids], device, most=[limit], beams=beams)[0]
    answer = torch.tensor([tokens], device=device)  # (1, A)
    decoder_only = not model.config.is_encoder_decoder
    start = torch.tensor([[getattr(model.config, "decoder_start_token_id", None) or 0]], device=device)
    table: nn.Module = model.get_input_embeddings()
    with torch.no_grad():
        embedded, spoken = table(read), table(answer)  # (1, T, H), (1, A, H)

    def likelihood(values: Tensor) -> Tensor:
        """(S, 1): the log-likelihood of the answer behind each of S readings (S, T, H)."""
        answers = answer.expand(len(values), -1)
        if decoder_only:
            whole = torch.cat([values, spoken.expand(len(values), -1, -1)], 1)
            logits = model(inputs_embeds=whole, use_cache=False).logits[:, len(ids) - 1 : -1]
        else:
            before = torch.cat([start, answer[:, :-1]], 1).expand(len(values), -1)
            logits = model(inputs_embeds=values, decoder_input_ids=before, use_cache=False).logits
        chosen = logits.float().log_softmax(-1).gather(-1, answers.unsqueeze(-1)).squeeze(-1)  # (S, A)
        return chosen.sum(1, keepdim=True)

    mine = torch.tensor(own, device=device)
    found, error, steps = shares(likelihood, embedded, embedded * ~mine[None, :, None], 0, most_steps=64)
    scores = found[0].sum(-1).tolist()
    chosen = [
        (encoding.piece(tokenizer, token), score)
        for token, score, is_own in zip(ids, scores, own, strict=True)
        if is_own
    ]

    def score(removed: np.ndarray) -> np.ndarray:
        """The mean likelihood of a token of the answer (geometric) without some tokens of the question."""
        found = []
        for away in torch.from_numpy(removed).to(device).split(AT_ONCE):
            kept = torch.ones(len(away), len(ids), dtype=torch.bool, device=device)
            kept[:, mine] = ~away
            with torch.no_grad():
                found.append(likelihood(embedded * kept[..., None])[:, 0] / max(len(tokens), 1))
        likely: np.ndarray = torch.cat(found).exp().cpu().numpy()
        return likely

    lengths = np.array([len(piece.strip()) for piece, _ in chosen], dtype=float)
    measured = faithfulness.tested(score, np.array([own for _, own in chosen]), lengths, named=_("length of the word"))
    return {
        "label": str(tokenizer.decode(tokens, skip_special_tokens=True)).strip(),
        "method": told(METHODS)["integrated-gradients"],
        "tokens": [piece for piece, _ in chosen],
        "scores": [round(score, 5) for _, score in chosen],
        "completeness_error": error,
        "steps": steps,
        "faithfulness": measured,
    }
