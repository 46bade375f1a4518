"""Repeats one run of Headstart without Headstart. Read it from top to bottom: it is the whole recipe.

    pip install -r requirements.txt
    python train.py

Beside this file lie examples.jsonl, what the run learnt from and was tested on, and the model it started from.
This folder holds your data: share it with those who may read them.
"""

import json
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer
from transformers.modeling_outputs import BaseModelOutput

from engines.exports.script_parts import (
    HERE,
    RUN,
    adapters,
    as_in_the_run,
    entering,
    fit,
    like_lengths,
    seeded,
    through,
)

# --- Examples become tokens; the loss looks at the answers' tokens alone ---


class Example(NamedTuple):
    file: str
    ids: list[int]  # what the decoder reads
    asked: list[bool]  # which of them are an answer's
    source: list[int]  # what the encoder reads, where there is one
    prompt: list[int]  # up to where the model is to write
    answer: str


def conversation(tokenizer: Any, row: dict[str, Any]) -> Example:
    ids: list[int] = []
    asked: list[bool] = []
    for text, is_answer in pieces(tokenizer, row["messages"]):
        tokens = tokenizer(text, add_special_tokens=False)["input_ids"]
        end = len(tokens)
        if is_answer and tokenizer.eos_token_id in tokens:  # stopping is learnt too
            end = tokens.index(tokenizer.eos_token_id) + 1
        ids += tokens
        asked += [is_answer and place < end for place in range(len(tokens))]
    while not asked[-1]:
        ids.pop()
        asked.pop()
    ids, asked = ids[-RUN["longest"] :], asked[-RUN["longest"] :]
    text = rendered(tokenizer, row["messages"][:-1], True)
    prompt = tokenizer(text, add_special_tokens=False)["input_ids"][-RUN["longest_prompt"] :]
    return Example(row["file"], ids, [False, *asked[1:]], [], prompt, row["messages"][-1]["content"])


def pieces(tokenizer: Any, messages: list[dict[str, str]]) -> list[tuple[str, bool]]:
    """The conversation's text, cut where answers begin and end: (text, is it an answer?)."""
    whole = rendered(tokenizer, messages)
    found: list[tuple[str, bool]] = []
    at = 0
    for number, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        before = rendered(tokenizer, messages[:number], True)
        after = rendered(tokenizer, messages[: number + 1])
        if not (whole.startswith(before) and whole.startswith(after) and at <= len(before) < len(after)):
            found, at = [], 0
            continue
        found += [(whole[at : len(before)], False), (whole[len(before) : len(after)], True)]
        at = len(after)
    return found


def rendered(tokenizer: Any, messages: list[dict[str, str]], answer_next: bool = False) -> str:
    text: str = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=answer_next)
    return text


def pair(tokenizer: Any, row: dict[str, Any]) -> Example:
    source = shortened(tokenizer(RUN["prefix"] + row["source"])["input_ids"])
    target = shortened(tokenizer(text_target=row["target"])["input_ids"])
    return Example(row["file"], [RUN["start"], *target], [False, *[True] * len(target)], source, source, row["target"])


def shortened(ids: list[int]) -> list[int]:
    return ids if len(ids) <= RUN["longest"] else [*ids[: RUN["longest"] - 1], ids[-1]]


class Batch(NamedTuple):
    values: Tensor  # int64 (B, T) tokens, or float (B, T, H) behind the frozen part
    mask: Tensor  # int64 (B, T)
    asked: Tensor  # bool (B, T): positions whose next token the loss asks for
    source: Tensor | None = None  # int64 (B, S) tokens, or float (B, S, H) behind the encoder
    source_mask: Tensor | None = None


class Data(NamedTuple):
    examples: list[Example]
    states: list[Tensor] | None = None  # what the frozen part makes of each example

    def batch(self, chosen: Tensor) -> Batch:
        own = [self.examples[i] for i in chosen.tolist()]
        values, mask = padded([torch.tensor(one.ids[:-1]) for one in own])
        batch = Batch(values, mask, padded([torch.tensor(one.asked[1:]) for one in own])[0])
        if RUN["translates"]:
            source, source_mask = padded([torch.tensor(one.source) for one in own])
            batch = batch._replace(source=source, source_mask=source_mask)
        if self.states is not None:
            states = padded([self.states[i] for i in chosen.tolist()])[0]
            batch = batch._replace(source=states) if RUN["translates"] else batch._replace(values=states)
        parts: list[Any] = [part if part is None else part.to(RUN["device"]) for part in batch]
        return Batch(*parts)

    def targets(self, chosen: Tensor) -> Tensor:
        own = (self.examples[i] for i in chosen.tolist())
        tokens = [token for one in own for token, asked in zip(one.ids, one.asked, strict=True) if asked]
        return torch.tensor(tokens, device=RUN["device"])

    def weight(self, chosen: Tensor) -> float:
        return float(sum(sum(self.examples[i].asked) for i in chosen.tolist()))

    def batches(self, size: int, dice: Generator | None = None) -> list[Tensor]:
        return like_lengths(torch.tensor([len(one.ids) + len(one.source) for one in self.examples]), size, dice)


def padded(rows: list[Tensor]) -> tuple[Tensor, Tensor]:
    values = pad_sequence(rows, batch_first=True)
    return values, (torch.arange(values.shape[1]) < torch.tensor([len(row) for row in rows])[:, None]).long()


# --- The network: logits where something is asked, and nowhere else ---


def asked_logits(model: Any, batch: Batch) -> Tensor:
    with torch.autocast(RUN["device"], torch.bfloat16, enabled=RUN["bf16"]):
        if RUN["translates"]:
            if RUN["strategy"] == "partial":
                states = batch.source
            else:
                states = encoded(model, batch)
            return (
                model(
                    encoder_outputs=BaseModelOutput(last_hidden_state=states),
                    attention_mask=batch.source_mask,
                    decoder_input_ids=batch.values,
                    use_cache=False,
                )
                .logits[batch.asked]
                .float()
            )
        if RUN["whole"]:
            logits = model(input_ids=batch.values, attention_mask=batch.mask, use_cache=False).logits
            return logits[batch.asked].float()
        if RUN["strategy"] == "partial":
            hidden = behind_blocks(model, batch)
        else:
            decoder = model.get_decoder()
            hidden = decoder(
                input_ids=batch.values, use_cache=False
            ).last_hidden_state  # nobody looks ahead, at padding
        return model.get_output_embeddings()(hidden[batch.asked]).float()


def encoded(model: Any, batch: Batch) -> Tensor:
    states: Tensor = model.get_encoder()(input_ids=batch.source, attention_mask=batch.source_mask).last_hidden_state
    return states


def behind_blocks(model: Any, batch: Batch) -> Tensor:
    (_, *rest), kwargs = entering(model, model.get_decoder(), torch.zeros_like(batch.mask), None)
    values = through(model.get_submodule(RUN["blocks"])[RUN["frozen"] :], batch.values, rest, kwargs)
    return model.get_submodule(RUN["norm"])(values) if RUN["norm"] else values


def frozen(model: Any, data: Data) -> Data:
    """What is frozen answers the same every time: it runs once."""
    model.eval()
    states: list[Any] = [None] * len(data.examples)
    for chosen in data.batches(16):
        batch = data.batch(chosen)
        with torch.no_grad(), torch.autocast(RUN["device"], torch.bfloat16, enabled=RUN["bf16"]):
            if RUN["translates"]:
                found = encoded(model, batch)
            else:
                (values, *rest), kwargs = entering(model, model.get_decoder(), batch.values, None)
                found = through(model.get_submodule(RUN["blocks"])[: RUN["frozen"]], values, rest, kwargs)
        for i, own in zip(chosen.tolist(), found.float().cpu(), strict=True):
            one = data.examples[i]
            states[i] = own[: len(one.source) if RUN["translates"] else len(one.ids) - 1]
    return Data(data.examples, states)


# --- Learning to write ---


def learn(model: Any, data: Data, checks: Data | None) -> None:
    def share(chosen: Tensor, group: Sequence[Tensor], _: Generator) -> Tensor:
        tokens = data.weight(chosen) / sum(map(data.weight, group))
        return loss(asked_logits(model, data.batch(chosen)), data.targets(chosen)) * tokens

    def mean_loss(checks: Data) -> float:
        model.eval()
        total = every = 0.0
        with torch.no_grad():
            for chosen in checks.batches(16):
                weight = checks.weight(chosen)
                total += float(loss(asked_logits(model, checks.batch(chosen)), checks.targets(chosen))) * weight
                every += weight
        return total / every

    still: Sequence[Any] = ()
    if RUN["strategy"] == "partial":
        still = model.get_submodule(RUN["blocks"])[: RUN["frozen"]]
    check = None if checks is None else lambda: mean_loss(checks)
    (phase,) = RUN["plans"]
    fit(model, phase, lambda dice: data.batches(RUN["batch_size"], dice), share, check, still=still)


def loss(logits: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(logits, targets, label_smoothing=RUN["label_smoothing"])


# --- Testing ---


def written(model: Any, tokenizer: Any, prompts: list[list[int]], most: list[int]) -> list[str]:
    longest, pad, left = max(map(len, prompts)), int(tokenizer.pad_token_id or 0), not RUN["translates"]
    ids, mask = [], []
    for prompt in prompts:
        missing = longest - len(prompt)
        ids.append([pad] * missing + prompt if left else prompt + [pad] * missing)
        mask.append([0] * missing + [1] * len(prompt) if left else [1] * len(prompt) + [0] * missing)
    with torch.no_grad(), torch.autocast(RUN["device"], torch.bfloat16, enabled=RUN["bf16"]):
        whole = model.generate(
            input_ids=torch.tensor(ids, device=RUN["device"]),
            attention_mask=torch.tensor(mask, device=RUN["device"]),
            max_new_tokens=max(most) + 1,
            num_beams=RUN["beams"],
            do_sample=False,
            use_cache=True,
            pad_token_id=pad,
            eos_token_id=tokenizer.eos_token_id,
        )
    new = whole[:, longest:] if left else whole[:, 1:]
    rows = [row[:limit] for row, limit in zip(new.tolist(), most, strict=True)]
    return [text.strip() for text in tokenizer.batch_decode(rows, skip_special_tokens=True)]


def perplexity(model: Any, data: Data) -> float:
    model.eval()
    each = [0.0] * len(data.examples)
    for chosen in data.batches(16):
        with torch.no_grad():
            losses = F.cross_entropy(asked_logits(model, data.batch(chosen)), data.targets(chosen), reduction="none")
        counts = torch.tensor([sum(data.examples[i].asked) for i in chosen.tolist()])
        owner = torch.repeat_interleave(torch.arange(len(chosen)), counts)
        sums = torch.zeros(len(chosen), dtype=torch.float64).index_add(0, owner, losses.cpu().double())
        for i, total in zip(chosen.tolist(), sums.tolist(), strict=True):
            each[i] = total
    return math.exp(sum(each) / data.weight(torch.arange(len(data.examples))))


def main() -> None:
    as_in_the_run()
    tokenizer = AutoTokenizer.from_pretrained(HERE)
    with (HERE / "examples.jsonl").open(encoding="utf-8", newline="\n") as file:
        rows = [json.loads(line) for line in file]  # not splitlines(): a text may hold letters that it takes for ends

    kind: Any
    if RUN["translates"]:
        read, kind = pair, AutoModelForSeq2SeqLM
    else:
        read, kind = conversation, AutoModelForCausalLM

    def part(name: str) -> Data:
        return Data([read(tokenizer, row) for row in rows if row["part"] == name])

    training, testing, checks = part("train"), part("test"), part("validation") if RUN["checked"] else None
    if RUN["strategy"] == "scratch":
        seeded(RUN["seed"], "weights")
        model = kind.from_config(AutoConfig.from_pretrained(HERE))
    else:
        model = kind.from_pretrained(HERE, dtype=torch.float32)
    model.config.use_cache = False
    model.to(RUN["device"])
    if RUN["strategy"] != "zero-shot":
        seeded(RUN["seed"], "adapters")
        if RUN["strategy"] == "lora":
            kind_of_task = "SEQ_2_SEQ_LM" if RUN["translates"] else "CAUSAL_LM"
            adapted = adapters(model, RUN["adapted"], fan_in_fan_out=RUN["fan_in_fan_out"], task_type=kind_of_task)
        if RUN["strategy"] == "partial":
            model.requires_grad_(False)
            for name in RUN["learning"]:
                model.get_submodule(name).requires_grad_(True)
            training, checks = frozen(model, training), checks and frozen(model, checks)
        learn(model, training, checks)
    model.eval()
    if RUN["strategy"] == "partial":
        tested = frozen(model, testing)
    else:
        tested = testing

    if RUN["translates"]:
        from sacrebleu.metrics import CHRF

        order = sorted(range(len(testing.examples)), key=lambda i: len(testing.examples[i].source))
        found = [""] * len(order)
        for start in range(0, len(order), 16):
            chosen = order[start : start + 16]
            prompts = [testing.examples[i].source for i in chosen]
            limits = [min(RUN["max_tokens"], len(source) * 3 // 2 + 10) for source in prompts]
            for i, text in zip(chosen, written(model, tokenizer, prompts, limits), strict=True):
                found[i] = text
        value = CHRF().corpus_score(found, [[one.answer for one in testing.examples]]).score
    else:
        value = perplexity(model, tested)
        shown = [one.prompt for one in testing.examples[: RUN["shown"]]]
        found = written(model, tokenizer, shown, [RUN["most_new"]] * len(shown))
    if RUN["strategy"] == "lora":
        model = adapted.merge_and_unload()
    model.config.use_cache = True
    model.save_pretrained(HERE / "model")
    files = [one.file for one in testing.examples]
    answers = dict(zip(files, [*found, *[None] * (len(files) - len(found))], strict=True))
    (HERE / "predictions.json").write_text(json.dumps(answers, indent=1, ensure_ascii=False), encoding="utf-8")
    print(f"{RUN['metric']} {value} on {len(files)} test examples; in the run it was {RUN['value']}")


if __name__ == "__main__":
    main()
