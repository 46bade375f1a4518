"""Which words of the question, or of the sentence, an answer or a translation came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch
from torch import Tensor, nn

from engines.contract import InputError, Problem
from engines.explain.attributions import shares
from engines.text import encoding, writing_model
from engines.text.writing_model import Loaded

METHODS = {"integrated-gradients": "Integrated gradients"}
MOST_EXPLAINED = 20
"""Rows of a table that are explained: each takes dozens of passes through the network."""


def explain(
    bot: Any, run: Path, data: Path, *, method: str | None = None, example: str | None = None
) -> list[dict[str, Any]]:
    """A row a question of `data`: {'file', 'label', 'method', 'tokens', 'scores', 'completeness_error', 'steps'}.

    `label` is what the model writes; `tokens` are the pieces of the question, `scores` what each adds to the
    log-likelihood (nats) of what it wrote. With `example`, only the test example of that name in predictions.parquet.
    Raises InputError for a method that is not known and an example that is not there.
    """
    if method not in {None, *METHODS}:
        raise InputError(Problem("method", f"found {method!r}", f"accepted: {', '.join(METHODS)}"))
    if example is None:
        questions, rows = bot.questions(data)
    else:
        questions, rows = [(example, _tested(run, example))], []
    for name, text in questions[:MOST_EXPLAINED]:
        ids = bot.prompt(text)
        rows.append({"file": name} | attributed(bot.loaded, ids, bot.own(text), bot.limit(ids)))
    for name, _ in questions[MOST_EXPLAINED:]:
        rows.append({"file": name, "error": f"is not explained: the first {MOST_EXPLAINED} are"})
    return rows


def _tested(run: Path, example: str) -> str:
    try:
        table = pq.read_table(run / "predictions.parquet", columns=["file", "question"])
    except OSError:
        raise InputError(Problem(f"run {run.name}", "it has no predictions", "accepted: a run that is done")) from None
    known = dict(zip(table["file"].to_pylist(), table["question"].to_pylist(), strict=True))
    if example not in known:
        raise InputError(
            Problem(f"example {example}", "it was not tested on", "accepted: a file of predictions.parquet")
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
    tokens = writing_model.written(model, tokenizer, [ids], device, most=[limit], beams=beams)[0]
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
    return {
        "label": tokenizer.decode(tokens, skip_special_tokens=True).strip(),
        "method": METHODS["integrated-gradients"],
        "tokens": [piece for piece, _ in chosen],
        "scores": [round(score, 5) for _, score in chosen],
        "completeness_error": error,
        "steps": steps,
    }
