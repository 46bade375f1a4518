"""Which part of the sound each word came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from transformers import WhisperForConditionalGeneration, WhisperTokenizer

from engines import paths
from engines.contract import InputError, Problem, Task
from engines.messages import _, told
from engines.speech.audio import spectrograms
from engines.speech.audio.clips import clips_to_explain
from engines.speech.audio.decode_cache import samples
from engines.speech.audio.files import RATE
from engines.speech.models import heard_where
from engines.speech.models.ctc import Ctc
from engines.speech.models.states import STATE_SECONDS, EncoderStates
from engines.speech.models.whisper import Whisper
from engines.speech.transcription.predict import Transcriber

METHODS = {"attention": "Cross-attention", "gradient": _("Input gradient"), "alignment": _("Letter by letter")}
WIDTH, HEIGHT, ROW = 960, 160, 44  # pixels
INK, PAPER, MARK = (35, 39, 46), (251, 250, 248), (232, 113, 10)
EXTRA = 0.25  # seconds shown after the end of the clip


def explain(
    task: Task, run: Path, data: Path, out: Path, *, method: str | None = None, example: str | None = None
) -> list[dict[str, Any]]:
    """A picture (PNG, below `out`) for each clip in `data`: its spectrogram, and the words below where they were heard.

    'attention' (Whisper's own) asks where the decoder's cross-attention lies while it writes a word, in the heads that
    the model names for that or else in all; 'gradient' which part of the spectrogram would change the words most;
    'alignment' (CTC's own) in which state each letter was named. The first rows tell their 'faithfulness'. Of a long
    clip, the first part. Raises InputError.
    """
    transcriber = Transcriber(run)
    own = ["attention", "gradient"] if hasattr(transcriber.recogniser, "prompt") else ["alignment"]
    if method not in {None, *own}:
        raise InputError(
            Problem(
                "method", _("found {method!r}", method=method), _("accepted for this model: {own}", own=", ".join(own))
            )
        )
    work = paths.work(data)
    clips, skipped = clips_to_explain(data, work, example, transcriber.reading)
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = [{"file": entry.where, "error": entry.reason} for entry in skipped]
    for number, clip in enumerate(clips):
        sound = samples(work, clip.checked, clip.span)
        label, words, heat, marked = located(transcriber, sound, method or own[0])
        picture = out / f"{number:04d}-{Path(clip.source.name).stem[:60]}.png"
        draw(sound, words, heat, picture)
        name = clip.source.name if example is None else clip.name
        row: dict[str, Any] = {
            "file": name,
            "label": label,
            "method": told(METHODS)[method or own[0]],
            "picture": str(picture),
        }
        if number < heard_where.MOST:
            row["faithfulness"] = heard_where.tested(transcriber.recogniser, transcriber.device, sound, label, marked)
        rows.append(row | clip.source.reading)
    return rows


Words = list[tuple[str, float, float]]
"""(word, from, to), in seconds."""


def located(
    transcriber: Transcriber, sound: np.ndarray, method: str
) -> tuple[str, Words, np.ndarray | None, np.ndarray]:
    """What is heard; its words and when; by gradient heat (80, T) in [0, 1] over the spectrogram; and how much of it
    lies in each moment, float (M,) (see `heard_where`)."""
    seconds = len(sound) / RATE
    mel = transcriber.recogniser.hear(sound).to(transcriber.device)
    (heard,) = transcriber.recogniser.write(EncoderStates([mel], torch.zeros(1, 0, dtype=torch.int64)), 0, [seconds])
    text = heard.text
    if method == "alignment":
        words, named = _by_letters(transcriber, mel, seconds)
        return text, words, None, heard_where.by_moment(named, seconds)
    if not text:
        return text, [], None, np.zeros(0)
    assert isinstance(transcriber.recogniser, Whisper)
    model, tokenizer = transcriber.recogniser.model, transcriber.recogniser.tokenizer
    read, _ = transcriber.recogniser.spell(text)
    prompt = len(transcriber.recogniser.prompt)
    tokens = torch.tensor([read], device=transcriber.device)
    attention = _attention(model, mel, tokens)[prompt - 1 :]  # (L, T): row i is looked at while token i is written
    words = _words(tokenizer, read[prompt:], attention[: len(read) - prompt], seconds)
    heat = _gradient(model, mel, tokens, prompt, seconds) if method == "gradient" else None
    states = max(1, min(attention.shape[1], round(seconds / STATE_SECONDS)))
    weights = attention[:, :states].sum(0) if heat is None else heat.sum(0)
    return text, words, heat, heard_where.by_moment(weights, seconds)


def _attention(model: WhisperForConditionalGeneration, mel: Tensor, tokens: Tensor) -> np.ndarray:
    """float (L, T): where the decoder looks while it writes, the mean over its alignment heads; each row's top is 1."""
    chosen = getattr(model.generation_config, "alignment_heads", None)
    was = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        with torch.no_grad():
            found = model(
                input_features=mel.T[None], decoder_input_ids=tokens, output_attentions=True, use_cache=False
            ).cross_attentions
    finally:
        model.set_attn_implementation(was)
    every = torch.stack([layer[0] for layer in found])  # (layers, heads, L, T)
    heads = torch.stack([every[layer, head] for layer, head in chosen]) if chosen else every.flatten(0, 1)
    mean = heads.mean(0).float().cpu().numpy()
    share: np.ndarray = mean / np.maximum(mean.max(axis=1, keepdims=True), 1e-9)
    return share


def _words(tokenizer: WhisperTokenizer, tokens: list[int], attention: np.ndarray, seconds: float) -> Words:
    """Words and their stretches. The path through time only moves on: dynamic time warping, as Whisper's own."""
    if not tokens:
        return []
    states = max(1, min(attention.shape[1], round(seconds / STATE_SECONDS)))
    times = _path(-attention[:, :states]) * STATE_SECONDS  # (L,)
    found: Words = []
    ends = [*times[1:].tolist(), seconds]
    for token, start, end in zip(tokens, times.tolist(), ends, strict=True):
        piece = tokenizer.decode([token])
        if found and not piece.startswith(" "):
            word, first, _ = found[-1]
            found[-1] = (word + piece, first, end)
        else:
            found.append((piece.strip(), start, end))
    return [entry for entry in found if entry[0]]


def _path(cost: np.ndarray) -> np.ndarray:
    """int (L,): the column at which the cheapest path through cost (L, T) enters each row; it never turns back."""
    rows, columns = cost.shape
    total = np.full((rows, columns), np.inf)
    came_down = np.zeros((rows, columns), dtype=bool)
    total[0] = np.cumsum(cost[0])
    for row in range(1, rows):
        for column in range(columns):
            left = total[row, column - 1] if column else np.inf
            above = total[row - 1, column - 1] if column else total[row - 1, 0]
            came_down[row, column] = above <= left
            total[row, column] = cost[row, column] + min(above, left)
    entered = np.zeros(rows, dtype=int)
    row, column = rows - 1, columns - 1
    while row > 0:
        if came_down[row, column]:
            entered[row] = column
            row -= 1
        column = max(0, column - 1)
    return entered


def _gradient(
    model: WhisperForConditionalGeneration, mel: Tensor, tokens: Tensor, prompt: int, seconds: float
) -> np.ndarray:
    """float (bands, T) in [0, 1]: how much the words' log-probability changes with each point of the spectrogram,
    times how loud it is there (input times gradient, Shrikumar et al. 2017)."""
    inputs = mel.T[None].clone().requires_grad_(True)
    with torch.enable_grad():
        logits = model(input_features=inputs, decoder_input_ids=tokens, use_cache=False).logits[0, prompt - 1 : -1]
        said = logits.log_softmax(-1).gather(1, tokens[0, prompt:, None]).sum()
        (slope,) = torch.autograd.grad(said, inputs)
    frames = max(1, min(inputs.shape[-1], round(seconds * 100)))
    heat = (slope * (inputs - inputs.min())).abs()[0, :, :frames].detach().float().cpu()
    top = torch.quantile(heat.flatten()[:: max(1, heat.numel() // 100_000)], 0.99).clamp_min(1e-12)
    shown: np.ndarray = (heat / top).clamp(0, 1).numpy()
    return shown


def _by_letters(transcriber: Transcriber, state: Tensor, seconds: float) -> tuple[Words, np.ndarray]:
    """In which state a CTC model named the letters of each word; and which states named one, float (T,)."""
    ctc = transcriber.recogniser
    assert isinstance(ctc, Ctc)
    with torch.no_grad():
        logits, _ = ctc.network(EncoderStates([state], torch.zeros(1, 0, dtype=torch.int64)))
    best = logits[0].argmax(-1).tolist()
    known = ctc.tokenizer
    step = seconds / len(best)
    found: Words = []
    word, first, before = "", 0.0, known.pad_token_id
    for number, token in enumerate([*best, known.word_delimiter_token_id]):
        if token == known.word_delimiter_token_id:
            if word:
                found.append((word, first, number * step))
            word = ""
        elif token not in (before, known.pad_token_id):
            first = first if word else number * step
            word += str(known.convert_ids_to_tokens(token))
        before = token
    return found, np.array([token != known.pad_token_id for token in best], dtype=float)


def draw(sound: np.ndarray, words: Words, heat: np.ndarray | None, out: Path) -> None:
    """The spectrogram with the words below it; where there is heat, what it leaves cold is dark."""
    seconds = len(sound) / RATE + EXTRA
    loud = spectrograms.log_mel(np.pad(sound, (0, int(EXTRA * RATE)))).numpy()  # (80, T)
    if heat is not None:
        hot = np.zeros_like(loud)
        hot[:, : heat.shape[1]] = heat[:, : loud.shape[1]] if heat.shape[0] == loud.shape[0] else 0
        loud = 0.35 * loud + 0.65 * hot
    picture = Image.new("RGB", (WIDTH, HEIGHT + 2 * ROW), PAPER)
    picture.paste(Image.fromarray(spectrograms.coloured(loud, WIDTH, HEIGHT)), (0, 0))
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(15)
    for number, (word, start, end) in enumerate(words):
        left, right = start / seconds * WIDTH, end / seconds * WIDTH
        pen.line([(left, HEIGHT - 6), (left, HEIGHT + 2 * ROW)], fill=MARK)
        pen.text((left + 4, HEIGHT + 8 + (number % 2) * ROW * 0.7), word, fill=INK, font=font)
        pen.line([(left, HEIGHT + 2), (right - 2, HEIGHT + 2)], fill=MARK, width=3)
    picture.save(out)
