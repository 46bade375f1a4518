"""Conversations and sentence pairs as tokens, with the answer's tokens marked: the loss looks at no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import TemplateError

from engines.contract import InputError, Problem
from engines.messages import _
from engines.text.generative.conversations import Written
from engines.text.generative.examples import Sequence
from engines.text.generative.settings import WritingSettings

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase


def conversation(tokenizer: PreTrainedTokenizerBase, written: Written, longest: int) -> Sequence:
    """A conversation as the model's own chat template writes it down.

    Questions and answers are turned into tokens apart from each other, as it is when the model answers. An answer ends
    with the end-of-text token, which is learnt too: a model that never learns to stop never stops. Of more than
    `longest` tokens the last are kept.
    """
    ids: list[int] = []
    asked: list[bool] = []
    for text, is_answer in pieces(tokenizer, list(written.messages)):
        tokens = tokenizer(text, add_special_tokens=False)["input_ids"]
        end = len(tokens)
        if is_answer and tokenizer.eos_token_id in tokens:
            end = tokens.index(tokenizer.eos_token_id) + 1
        ids += tokens
        asked += [is_answer and place < end for place in range(len(tokens))]
    while not asked[-1]:  # what follows the last answer
        ids.pop()
        asked.pop()
    cut = len(ids) > longest
    ids, asked = ids[-longest:], asked[-longest:]
    return Sequence(ids, [False, *asked[1:]], cut=cut)


def pieces(tokenizer: PreTrainedTokenizerBase, messages: list[tuple[str, str]]) -> list[tuple[str, bool]]:
    """The conversation's text in order, cut where answers begin and end: (text, is it an answer?)."""
    whole = rendered(tokenizer, messages)
    found: list[tuple[str, bool]] = []
    at = 0
    for number, (role, _unused) in enumerate(messages):
        if role != "assistant":
            continue
        before = rendered(tokenizer, messages[:number], answer_next=True)
        after = rendered(tokenizer, messages[: number + 1])
        if not (whole.startswith(before) and whole.startswith(after) and at <= len(before) < len(after)):
            found = []  # a template that writes earlier turns differently: only the last answer can be told apart
            continue
        found += [(whole[at : len(before)], False), (whole[len(before) : len(after)], True)]
        at = len(after)
    return found


def rendered(tokenizer: PreTrainedTokenizerBase, messages: list[tuple[str, str]], *, answer_next: bool = False) -> str:
    """The conversation as text; with `answer_next`, up to where the model is to answer. Raises InputError."""
    turns = [{"role": role, "content": content} for role, content in messages]
    try:
        text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=answer_next)
    except TemplateError as error:
        found = _("this model's chat template does not take it ({error})", error=error)
        raise InputError(Problem("conversation", found, _("accepted: user and assistant in turn"))) from None
    return str(text)


def prompt(
    tokenizer: PreTrainedTokenizerBase,
    config: PretrainedConfig,
    written: Written,
    settings: WritingSettings,
    *,
    room: int,
) -> list[int]:
    """The conversation up to its last answer, as tokens; of more than the model reads the last, with `room` tokens
    left for the answer where the model's positions end."""
    text = rendered(tokenizer, list(written.messages[:-1]), answer_next=True)
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    positions = getattr(config, "max_position_embeddings", None) or settings.max_tokens + room
    return ids[-max(1, min(settings.max_tokens, positions - room)) :]


def pair(
    tokenizer: PreTrainedTokenizerBase, config: PretrainedConfig, written: Written, longest: int, prefix: str
) -> Sequence:
    """A sentence and its translation; of more than `longest` tokens the first are kept. Both end with end-of-text."""
    read, whole = (
        source(tokenizer, written.question, longest, prefix),
        tokenizer(prefix + written.question)["input_ids"],
    )
    target = tokenizer(text_target=written.answer)["input_ids"]
    cut = len(whole) > longest or len(target) > longest
    start = config.decoder_start_token_id if config.decoder_start_token_id is not None else config.pad_token_id
    target = shortened(target, longest)
    return Sequence([start, *target], [False, *[True] * len(target)], read, cut)


def source(tokenizer: PreTrainedTokenizerBase, text: str, longest: int, prefix: str) -> list[int]:
    """A sentence as the encoder reads it."""
    return shortened(tokenizer(prefix + text)["input_ids"], longest)


def shortened(ids: list[int], longest: int) -> list[int]:
    """At most `longest` tokens, the last of them (end-of-text) among them."""
    return ids if len(ids) <= longest else [*ids[: longest - 1], ids[-1]]


def piece(tokenizer: PreTrainedTokenizerBase, token: int) -> str:
    """A token as a person reads it, with the space before it where it begins a word; marks such as end-of-text as
    they are called."""
    text, read = str(tokenizer.convert_ids_to_tokens(token)), str(tokenizer.decode([token]))
    if text.startswith(("Ġ", "▁")):
        return " " + read.strip()
    return read or text
