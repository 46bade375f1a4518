"""Repeats one run of Headstart without Headstart. Read it from top to bottom: it is the whole recipe.

    pip install -r requirements.txt
    python train.py

Beside this file lie examples.jsonl, what the run learnt from and was tested on, and the model it started from.
"""

import copy
import hashlib
import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer
from transformers.modeling_outputs import BaseModelOutput

RUN: dict[str, Any] = {}  # filled in by the export
HERE = Path(__file__).parent


def seeded(*parts: object) -> torch.Generator:
    """Seeds torch from `parts`, the same on every computer; returns a generator for what is drawn in between."""
    seed = int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:7], "big")
    torch.manual_seed(seed)
    return torch.Generator().manual_seed(seed)


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

    def lengths(self) -> Tensor:
        return torch.tensor([len(one.ids) + len(one.source) for one in self.examples])


def padded(rows: list[Tensor]) -> tuple[Tensor, Tensor]:
    values = pad_sequence(rows, batch_first=True)
    return values, (torch.arange(values.shape[1]) < torch.tensor([len(row) for row in rows])[:, None]).long()


def batches(data: Data, size: int, dice: torch.Generator | None = None) -> list[Tensor]:
    """Those of like length together: little is padded."""
    lengths = data.lengths()
    if dice is None:
        return list(torch.argsort(lengths, descending=True, stable=True).split(size))
    order = torch.randperm(len(lengths), generator=dice)
    pools = [pool[torch.argsort(lengths[pool], stable=True)] for pool in order.split(size * 50)]
    groups = [group for pool in pools for group in pool.split(size)]
    return [groups[i] for i in torch.randperm(len(groups), generator=dice).tolist()]


# --- The network: logits where something is asked, and nowhere else ---


def logits_of(model: Any, batch: Batch) -> Tensor:
    with torch.autocast(RUN["device"], torch.bfloat16, enabled=RUN["bf16"]):
        if RUN["translates"]:
            if RUN["strategy"] == "partial":
                states = batch.source
            else:
                states = encoded(model, batch)
            return model(
                encoder_outputs=BaseModelOutput(last_hidden_state=states), attention_mask=batch.source_mask,
                decoder_input_ids=batch.values, decoder_attention_mask=batch.mask, use_cache=False,
            ).logits[batch.asked].float()  # fmt: skip
        if RUN["whole"]:
            logits = model(input_ids=batch.values, attention_mask=batch.mask, use_cache=False).logits
            return logits[batch.asked].float()
        if RUN["strategy"] == "partial":
            hidden = behind_blocks(model, batch)
        else:
            decoder = model.get_decoder()
            hidden = decoder(input_ids=batch.values, attention_mask=batch.mask, use_cache=False).last_hidden_state
        return model.get_output_embeddings()(hidden[batch.asked]).float()


def encoded(model: Any, batch: Batch) -> Tensor:
    states: Tensor = model.get_encoder()(input_ids=batch.source, attention_mask=batch.source_mask).last_hidden_state
    return states


class Reached(Exception):
    """Carries what the first block was called with."""


def entering(model: Any, ids: Tensor, mask: Tensor) -> tuple[Any, Any]:
    """What the model itself calls its first block with: the embedded tokens, then masks and positions."""

    def catch(_: nn.Module, args: Any, kwargs: Any) -> None:
        raise Reached(args, kwargs)

    handle = model.get_submodule(RUN["blocks"])[0].register_forward_pre_hook(catch, with_kwargs=True)
    try:
        model.get_decoder()(input_ids=ids, attention_mask=mask)
    except Reached as reached:
        args, kwargs = reached.args
        return args, kwargs
    finally:
        handle.remove()
    raise RuntimeError("the first block was never reached")


def through(blocks: Any, values: Tensor, rest: Any, kwargs: Any) -> Tensor:
    for block in blocks:
        output = block(values, *rest, **kwargs)
        values = output[0] if isinstance(output, tuple) else output
    return values


def behind_blocks(model: Any, batch: Batch) -> Tensor:
    (_, *rest), kwargs = entering(model, torch.zeros_like(batch.mask), batch.mask)
    values = through(model.get_submodule(RUN["blocks"])[RUN["frozen"] :], batch.values, rest, kwargs)
    return model.get_submodule(RUN["norm"])(values) if RUN["norm"] else values


def frozen(model: Any, data: Data) -> Data:
    """What is frozen answers the same every time: it runs once."""
    model.eval()
    states: list[Any] = [None] * len(data.examples)
    for chosen in batches(data, 16):
        batch = data.batch(chosen)
        with torch.no_grad(), torch.autocast(RUN["device"], torch.bfloat16, enabled=RUN["bf16"]):
            if RUN["translates"]:
                found = encoded(model, batch)
            else:
                (values, *rest), kwargs = entering(model, batch.values, batch.mask)
                found = through(model.get_submodule(RUN["blocks"])[: RUN["frozen"]], values, rest, kwargs)
        for i, own in zip(chosen.tolist(), found.float().cpu(), strict=True):
            one = data.examples[i]
            states[i] = own[: len(one.source) if RUN["translates"] else len(one.ids) - 1]
    return Data(data.examples, states)


# --- Learning: AdamW, a short warm-up and half a cosine; the epoch with the least validation loss is kept ---


def schedule(step: int, steps: int) -> float:
    warm_up = max(1, steps // 10)
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def train(model: Any, data: Data, checks: Data | None) -> None:
    plan, n, together = RUN["plan"], len(data.examples), RUN["gradient_accumulation"]
    steps = math.ceil(math.ceil(n / RUN["batch_size"]) / together) * plan["epochs"]
    learning = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW([  # biases and norms are not pulled towards zero
        {"params": [p], "lr": plan["rate"], "weight_decay": RUN["weight_decay"] * (p.ndim > 1)} for p in learning
    ], fused=True)  # fmt: skip
    best, least, weights = 0, math.inf, {}
    for epoch in range(plan["stop"]):
        if epoch - best >= plan["patience"]:
            break
        dice = seeded(RUN["seed"], plan["phase"], epoch)
        drawn = batches(data, RUN["batch_size"], dice)
        tokens = [data.weight(chosen) for chosen in drawn]
        step = epoch * steps // plan["epochs"]
        model.train()
        if RUN["strategy"] == "partial":
            for block in model.get_submodule(RUN["blocks"])[: RUN["frozen"]]:
                block.eval()
        for number, chosen in enumerate(drawn):
            first = number - number % together
            share = tokens[number] / sum(tokens[first : first + together])
            (loss(logits_of(model, data.batch(chosen)), data.targets(chosen)) * share).backward()
            if (number + 1) % together == 0 or number + 1 == len(drawn):
                for group in optimiser.param_groups:
                    group["lr"] = plan["rate"] * schedule(step, steps)
                nn.utils.clip_grad_norm_(learning, 5.0)
                optimiser.step()
                optimiser.zero_grad()
                step += 1
        now = -float(epoch)  # with nothing to check on, the last epoch is the best
        if checks is not None:
            model.eval()
            total = every = 0.0
            with torch.no_grad():
                for chosen in batches(checks, 16):
                    weight = checks.weight(chosen)
                    total += float(loss(logits_of(model, checks.batch(chosen)), checks.targets(chosen))) * weight
                    every += weight
            now = total / every
            print(f"epoch {epoch + 1}: validation loss {now:.4f}")
        if now < least:
            names = {name for name, p in model.named_parameters() if p.requires_grad}
            state = {name: value for name, value in model.state_dict().items() if name in names}
            best, least, weights = epoch + 1, now, copy.deepcopy(state)
    model.load_state_dict(weights, strict=False)


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
            input_ids=torch.tensor(ids, device=RUN["device"]), attention_mask=torch.tensor(mask, device=RUN["device"]),
            max_new_tokens=max(most) + 1, num_beams=RUN["beams"], do_sample=False, use_cache=True, pad_token_id=pad,
            eos_token_id=tokenizer.eos_token_id,
        )  # fmt: skip
    new = whole[:, longest:] if left else whole[:, 1:]
    rows = [row[:limit] for row, limit in zip(new.tolist(), most, strict=True)]
    return [text.strip() for text in tokenizer.batch_decode(rows, skip_special_tokens=True)]


def perplexity(model: Any, data: Data) -> float:
    model.eval()
    each = [0.0] * len(data.examples)
    for chosen in batches(data, 16):
        with torch.no_grad():
            losses = F.cross_entropy(logits_of(model, data.batch(chosen)), data.targets(chosen), reduction="none")
        counts = torch.tensor([sum(data.examples[i].asked) for i in chosen.tolist()])
        owner = torch.repeat_interleave(torch.arange(len(chosen)), counts)
        sums = torch.zeros(len(chosen), dtype=torch.float64).index_add(0, owner, losses.cpu().double())
        for i, total in zip(chosen.tolist(), sums.tolist(), strict=True):
            each[i] = total
    return math.exp(sum(each) / data.weight(torch.arange(len(data.examples))))


def main() -> None:
    torch.set_num_threads(RUN["threads"])
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
            from peft import LoraConfig, get_peft_model

            rank = RUN["lora_rank"]
            adapted = get_peft_model(model, LoraConfig(
                r=rank, lora_alpha=2 * rank, target_modules=RUN["adapted"], fan_in_fan_out=RUN["fan_in_fan_out"],
                task_type="SEQ_2_SEQ_LM" if RUN["translates"] else "CAUSAL_LM",
            ))  # fmt: skip
        if RUN["strategy"] == "partial":
            model.requires_grad_(False)
            for name in RUN["learning"]:
                model.get_submodule(name).requires_grad_(True)
            training, checks = frozen(model, training), checks and frozen(model, checks)
        train(model, training, checks)
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
