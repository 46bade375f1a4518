"""Repeats one run of Headstart without Headstart. Read it from top to bottom: it is the whole recipe.

    pip install -r requirements.txt
    python train.py DATA [TEST]

DATA is the folder that the run learnt from (a zip: unpack it first), TEST that of its separate test clips, if any.
Beside this file lie the model that it started from and split.csv: what is said in each clip, and what the clip is for.
It names your files and holds their transcripts: share this folder with those who may read them.
"""

import copy
import json
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torchaudio
from torch import Generator, Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence
from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration, WhisperTokenizer

from engines.exports.script_parts import HERE, RUN, adapters, as_in_the_run, fit, paths_given, seeded, table
from engines.speech.audio.files import RATE
from engines.speech.audio.sound_parts import samples

# --- Clips become samples, and samples a spectrogram of 30 seconds: as they are, or varied anew each time ---


class Data(NamedTuple):
    inputs: Callable[..., Tensor]  # (positions (B,), dice) -> float32 (B, T, D), varied where dice are given
    texts: list[str]
    seconds: list[float]


def read(folder: Path, rows: list[dict[str, str]], hear: Callable[[np.ndarray], Tensor]) -> Data:
    whole = {row["file"]: samples(folder / row["file"].removeprefix("'")) for row in rows}
    clips = [whole[row["file"]][int(row["start"]) : int(row["stop"])].astype(np.float32) / 32767 for row in rows]

    def inputs(chosen: Tensor, dice: Generator | None = None) -> Tensor:
        heard = []
        for i in chosen.tolist():
            sound = clips[i]
            if RUN["speed"] and dice is not None:
                speed = (0.9, 1.0, 1.1)[int(torch.randint(3, (1,), generator=dice))]
                if speed != 1.0:
                    sound = torchaudio.functional.resample(torch.from_numpy(sound), round(RATE * speed), RATE).numpy()
            mel = hear(sound)
            if RUN["mask"] and dice is not None:
                mel = masked(mel, dice)
            heard.append(mel)
        return torch.stack(heard)

    return Data(inputs, [row["text"].removeprefix("'") for row in rows], [len(clip) / RATE for clip in clips])


def joined(one: Data, other: Data) -> Data:
    """Both, one after the other."""
    n = len(one.texts)

    def inputs(chosen: Tensor, dice: Generator | None = None) -> Tensor:
        each = [one.inputs(i, dice) if i < n else other.inputs(i - n, dice) for i in chosen.split(1)]
        return torch.cat(each)

    return Data(inputs, one.texts + other.texts, one.seconds + other.seconds)


def masked(mel: Tensor, dice: Generator) -> Tensor:
    """SpecAugment: some bands and some stretches of time at the spectrogram's mean."""

    def stretch(whole: int, widest: float) -> tuple[int, int]:
        width = int(torch.randint(int(whole * widest) + 1, (1,), generator=dice))
        first = int(torch.randint(whole - width + 1, (1,), generator=dice))
        return first, first + width

    hidden = mel.clone()
    spoken = int((mel > mel.min()).any(1).sum()) or len(mel)
    for _ in range(2):
        first, last = stretch(mel.shape[1], 0.15)
        hidden[:, first:last] = mel.mean()
    for _ in range(2):
        first, last = stretch(spoken, 0.05)
        hidden[first:last] = mel.mean()
    return hidden


# --- Whisper in two halves: what is frozen answers the same every time, so it runs once and not every epoch ---


def run(model: Any, states: Tensor, first: int, last: int) -> Tensor:
    """The encoder's stages `first` to `last`: the convolutions are stage 0, its layers the others."""
    encoder = model.model.encoder
    for stage in range(first, last):
        if stage == 0:
            waves = F.gelu(encoder.conv2(F.gelu(encoder.conv1(states.transpose(1, 2)))))
            states = waves.transpose(1, 2) + encoder.embed_positions.weight
        else:
            states = encoder.layers[stage - 1](states, None)
            if stage == len(encoder.layers):
                states = encoder.layer_norm(states)
    return states


def behind(model: Any, data: Data, views: int) -> Data:
    """The clips as they enter what learns, a few variants of each."""
    model.eval()
    dice, outputs = seeded("views", RUN["variation"]), []
    for view in range(views):
        for chosen in torch.arange(len(data.texts)).split(8):
            with torch.no_grad():
                heard = data.inputs(chosen, dice if view else None).to(RUN["device"])
                outputs.append(run(model, heard, 0, RUN["frozen"]).float().cpu())
    seen = torch.cat(outputs).unflatten(0, (views, -1))  # (views, N, T, D)

    def inputs(chosen: Tensor, dice: Generator | None = None) -> Tensor:
        return seen[torch.randint(views, chosen.shape, generator=dice) if dice else 0, chosen]

    return Data(inputs, data.texts, data.seconds)


# --- Learning to write ---


def spelt(tokenizer: Any, texts: list[str]) -> tuple[Tensor, Tensor]:
    """What the decoder reads and what it should answer, both (B, L)."""
    told, reads, answers = RUN["prompt"], [], []
    for text in texts:
        written = tokenizer(" " + text.strip(), add_special_tokens=False).input_ids
        reads.append(torch.tensor(told + written))
        answers.append(torch.tensor([-100] * (len(told) - 1) + written + [tokenizer.eos_token_id]))
    return pad_sequence(reads, True), pad_sequence(answers, True, -100)


def loss_of(model: Any, tokenizer: Any, states: Tensor, texts: list[str]) -> tuple[Tensor, int]:
    """The mean loss a token, and how many there are."""
    reads, answers = (side.to(RUN["device"]) for side in spelt(tokenizer, texts))
    states = run(model, states.to(RUN["device"]), RUN["frozen"], 1 + len(model.model.encoder.layers))
    out = model.model.decoder(input_ids=reads, encoder_hidden_states=states, use_cache=False)
    logits = model.proj_out(out.last_hidden_state)
    loss = F.cross_entropy(logits.transpose(1, 2), answers, ignore_index=-100, label_smoothing=RUN["label_smoothing"])
    return loss, int((answers != -100).sum())


def learn(model: Any, tokenizer: Any, data: Data, checks: Data | None, rates: dict[int, float]) -> None:
    """Trains what requires gradients, and leaves the best epoch's weights in `model`."""

    def texts(chosen: Tensor) -> list[str]:
        return [data.texts[i] for i in chosen.tolist()]

    def draw(dice: Generator) -> Sequence[Tensor]:
        return torch.randperm(len(data.texts), generator=dice).split(RUN["batch_size"])

    def share(chosen: Tensor, group: Sequence[Tensor], dice: Generator) -> Tensor:
        loss, count = loss_of(model, tokenizer, data.inputs(chosen, dice), texts(chosen))
        return loss * count / sum(tokens(tokenizer, texts(other)) for other in group)

    check = None if checks is None else lambda: mean_loss(model, tokenizer, checks)
    best = fit(model, "fine-tuning", draw, share, check, rates=rates)
    print(f"epoch {best} was the best")


def tokens(tokenizer: Any, texts: list[str]) -> float:
    return float((spelt(tokenizer, texts)[1] != -100).sum())


def mean_loss(model: Any, tokenizer: Any, data: Data) -> float:
    model.eval()
    total = counted = 0.0
    with torch.no_grad():
        for chosen in torch.arange(len(data.texts)).split(16):
            loss, count = loss_of(model, tokenizer, data.inputs(chosen), [data.texts[i] for i in chosen.tolist()])
            total, counted = total + float(loss) * count, counted + count
    return total / counted


# --- Listening: the likeliest token, one after another, as `generate` does with one beam ---


def transcripts(model: Any, tokenizer: Any, data: Data) -> list[str]:
    model.eval()
    heard: list[str] = []
    for chosen in torch.arange(len(data.texts)).split(8):
        with torch.no_grad():
            states = data.inputs(chosen).to(RUN["device"])
            states = run(model, states, RUN["frozen"], 1 + len(model.model.encoder.layers))
            limits = [min(224, 12 + round(10 * data.seconds[i])) for i in chosen.tolist()]
            written = greedy(model, states, limits, tokenizer.eos_token_id)
        heard += [tokenizer.decode(row, skip_special_tokens=True).strip() for row in written]
    return heard


def greedy(model: Any, states: Tensor, limits: list[int], end: int) -> list[list[int]]:
    told = torch.tensor([RUN["prompt"]] * len(states), device=states.device)
    written: list[list[int]] = [[] for _ in limits]
    unfinished, past = set(range(len(limits))), None
    for step in range(max(limits)):
        out = model.model.decoder(input_ids=told, encoder_hidden_states=states, past_key_values=past, use_cache=True)
        past = out.past_key_values
        logits = model.proj_out(out.last_hidden_state[:, -1]).float()
        logits[:, RUN["suppressed"]] = -torch.inf
        if step == 0:
            logits[:, RUN["suppressed_first"]] = -torch.inf
        chosen = logits.argmax(1)
        for i, token in enumerate(chosen.tolist()):
            if i in unfinished:
                if token != end:
                    written[i].append(token)
                if token == end or len(written[i]) >= limits[i]:
                    unfinished.discard(i)
        if not unfinished:
            break
        told = chosen[:, None]
    return written


def plain_words(text: str) -> list[str]:
    text = unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")
    kept = "".join(c if c.isalnum() or c == "'" or unicodedata.category(c)[0] == "M" else " " for c in text)
    return [word for word in (w.strip("'") for w in kept.split()) if word]


def errors(said: list[str], heard: list[str]) -> int:
    """The fewest words to replace, leave out or put in (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        above, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (word != other))
    return row[-1]


# --- The run ---


def main(data: Path, test: Path) -> None:
    as_in_the_run()
    rows = table(HERE / "split.csv")
    model: Any = WhisperForConditionalGeneration.from_pretrained(HERE, dtype=torch.float32).eval().to(RUN["device"])
    tokenizer: Any = WhisperTokenizer.from_pretrained(HERE)
    extractor: Any = WhisperFeatureExtractor.from_pretrained(HERE)

    def hear(sound: np.ndarray) -> Tensor:
        mel: Tensor = extractor(sound, sampling_rate=RATE, return_tensors="pt").input_features[0]
        return mel.T.contiguous()

    parts = {
        part: [row for row in rows if row["part"] == part] for part in ("train", "rehearsed", "validation", "test")
    }
    training, testing = read(data, parts["train"], hear), read(test, parts["test"], hear)
    if RUN["rehearses"]:
        training = joined(training, read(HERE, parts["rehearsed"], hear))
    checks = read(data, parts["validation"], hear) if parts["validation"] else None
    if RUN["strategy"] != "zero-shot":
        came_with = copy.deepcopy(model.state_dict())
        encoder = model.model.encoder
        seeded(RUN["seed"], "adapters")
        rates: dict[int, float] = {}
        if RUN["strategy"] == "lora":
            layers = [n for n, layer in model.named_modules() if isinstance(layer, nn.Linear) and ".layers." in n]
            adapted = adapters(model, layers)
        else:
            # the last layers of the encoder learn; the vocabulary stays as it came, and perhaps all of the decoder
            model.requires_grad_(False)
            stages = [[encoder.conv1, encoder.conv2], *([layer] for layer in encoder.layers)]
            stages[-1].append(encoder.layer_norm)
            for number, stage in enumerate(stages):
                for layer in stage if number >= RUN["frozen"] else []:
                    layer.requires_grad_(True)
                    rates |= {id(p): RUN["stage_rates"][number] for p in layer.parameters()}
            if RUN["decoder_learns"]:
                for layer in (model.model.decoder.layers, model.model.decoder.layer_norm):
                    layer.requires_grad_(True)
        if RUN["frozen"]:
            training = behind(model, training, RUN["views"])
            checks = checks and behind(model, checks, 1)
            testing = behind(model, testing, 1)
        learn(model, tokenizer, training, checks, rates)
        if RUN["strategy"] == "lora":
            model = adapted.merge_and_unload()
        # a share of what was learnt is kept, on the straight line from what the model was
        now = model.state_dict()
        model.load_state_dict({name: torch.lerp(came_with[name].cpu(), now[name].cpu(), RUN["share"]) for name in now})
    heard = transcripts(model, tokenizer, testing)
    said = [plain_words(text) for text in testing.texts]
    wrong = sum(errors(one, plain_words(other)) for one, other in zip(said, heard, strict=True))
    answers = {row["name"].removeprefix("'"): text for row, text in zip(parts["test"], heard, strict=True)}
    for part in (model, tokenizer, extractor):
        part.save_pretrained(HERE / "adapted")
    (HERE / "predictions.json").write_text(json.dumps(answers, indent=1, ensure_ascii=False), encoding="utf-8")
    print(f"wer {wrong / sum(map(len, said))} on {len(said)} test clips; in the run it was {RUN['value']}")


if __name__ == "__main__":
    given = paths_given("DATA [TEST]", 1)
    main(given[0], given[-1])
