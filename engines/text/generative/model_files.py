"""A trained writing model on disk: what a run keeps of it, how it is loaded and asked to write."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from engines import hub_files, starts
from engines.contract import ModelCard, Recipe, Strategy, Task
from engines.runs import no_model
from engines.text.generative import networks
from engines.training import devices
from engines.training.staged import Staged

LEARNT = "learnt.safetensors"
WHOLE = "model.safetensors"
TOKENIZER = ("tokenizer.json", "chat_template.jinja", "special_tokens_map.json", "tokenizer_config.json")


def snippet(*, encoder_decoder: bool) -> str:
    """Loads the exported model back, in the folder it was unpacked to."""
    loader = "AutoModelForSeq2SeqLM" if encoder_decoder else "AutoModelForCausalLM"
    return (
        f"from transformers import {loader}, AutoTokenizer\n"
        f'model = {loader}.from_pretrained(".").eval()\n'
        'tokenizer = AutoTokenizer.from_pretrained(".")'
    )


def save(
    folder: Path,
    network: Staged,
    tokenizer: PreTrainedTokenizerBase,
    card: ModelCard,
    recipe: Recipe,
    columns: dict[str, str],
) -> None:
    """Keeps what learnt: the adapters, the blocks that were unfrozen, or all weights; nothing after 'zero-shot'.

    The rest are the model's published weights, which the machine has once; what went on from a finished run is kept
    whole. `columns` are those of the data that were read, by what they are for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    strategy = recipe.strategy
    if recipe.start is not None:
        networks.merged(network)
        strategy = Strategy.FULL
    match strategy:
        case Strategy.LORA:
            (adapted,) = network.adapters
            adapted.peft_config["default"].base_model_name_or_path = card.hub or card.name
            adapted.save_pretrained(folder, save_embedding_layers=False)  # 'auto' would ask the hub
            (folder / "README.md").unlink(missing_ok=True)  # PEFT's own, empty
        case Strategy.PARTIAL:
            state = {name: p.detach().cpu().contiguous() for name, p in network.trainable().items()}
            save_file(state, folder / LEARNT, metadata={"format": "pt"})
        case Strategy.FULL | Strategy.SCRATCH:
            save_whole(networks.model_of(network), folder)
    tokenizer.save_pretrained(folder)
    kept = {"model": card.name, "strategy": str(strategy), "settings": recipe.settings, "columns": columns}
    (folder / "headstart.json").write_text(json.dumps(kept, indent=2, ensure_ascii=False), encoding="utf-8")


def keep_learnt_only(folder: Path) -> None:
    """Takes out the tokenizer, which is the base model's own."""
    for name in TOKENIZER:
        (folder / name).unlink(missing_ok=True)


def save_whole(model: PreTrainedModel, folder: Path) -> None:
    """config.json, generation_config.json and model.safetensors, as `from_pretrained` reads them."""
    model.config.use_cache = True
    model.save_pretrained(folder, max_shard_size="100GB")
    model.config.use_cache = False


@dataclass
class Loaded:
    """A finished run's model in memory, and the one it started from."""

    network: Staged
    tokenizer: PreTrainedTokenizerBase
    card: ModelCard
    settings: Any
    """The task's own."""
    strategy: Strategy
    device: torch.device
    columns: dict[str, str]
    """Of the data that it learnt from, by what they are for; of a run from before that was kept, those it was told."""

    @property
    def model(self) -> Any:
        """The tuned model, with its adapters at work."""
        return self.network.adapters[0] if self.network.adapters else self.network.model

    @cached_property
    def base(self) -> Any:
        """The model as it came. With adapters it is the same network, see `chatting`; else it is loaded when needed."""
        if self.network.adapters or self.strategy is Strategy.ZERO_SHOT:
            return self.model
        return networks.build(self.card, pretrained=True, seed=0).model.to(self.device).eval()


def load(task: Task, run: Path) -> Loaded:
    """The model of a finished run. Raises InputError when the run holds none, or its base model is not to be had."""
    folder = run / "model"
    try:
        kept = json.loads((folder / "headstart.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise no_model(run) from None
    strategy, card = Strategy(kept["strategy"]), task.describe(kept["model"])
    network = networks.build(card, pretrained=strategy is not Strategy.SCRATCH, seed=0)
    settings: Any = task.settings.parse(kept["settings"])
    fill(network, folder, strategy, in_eight_bits=settings.eight_bits)
    device = devices.answers()
    network.to(device).eval()
    has_own = (folder / TOKENIZER[-1]).is_file()
    base = None if has_own else hub_files.folder(card, with_weights=False)
    tokenizer = networks.tokenizer(base) if base else AutoTokenizer.from_pretrained(folder)
    columns = kept.get("columns") or _named(settings)
    return Loaded(network, tokenizer, card, settings, strategy, device, columns)


def fill(network: Staged, folder: Path, strategy: Strategy, *, in_eight_bits: bool) -> None:
    """Puts into a network what a run by that strategy has kept; adapters stay beside its weights, which are held as
    when they learnt."""
    model = networks.model_of(network)
    if strategy is Strategy.LORA:
        if in_eight_bits:
            networks.hold_in_eight_bits(model)
        network.adapters = (PeftModel.from_pretrained(model, folder),)
    elif strategy is Strategy.PARTIAL:
        model.load_state_dict(load_file(folder / LEARNT), strict=False)
    elif strategy is not Strategy.ZERO_SHOT:
        model.load_state_dict(load_file(folder / WHOLE), strict=False)
        model.tie_weights()


def begun(network: Staged, run: Path) -> Staged:
    """The network, with the weights of a finished run in place of its own. Raises InputError where they are of another
    one."""
    kept = json.loads((run / "model" / "headstart.json").read_text(encoding="utf-8"))
    in_eight_bits = bool(kept["settings"].get("eight_bits"))
    try:
        fill(network, run / "model", Strategy(kept["strategy"]), in_eight_bits=in_eight_bits)
    except (RuntimeError, ValueError, KeyError) as error:
        raise starts.other_network() from error
    networks.merged(network).requires_grad_(True)
    return network


def _named(settings: Any) -> dict[str, str]:
    """The columns that settings name, by what they are for."""
    named = {name.removesuffix("_column"): getattr(settings, name) for name in settings.reading() if "_column" in name}
    return {role: column for role, column in named.items() if column}


def write(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    prompts: list[list[int]],
    device: torch.device,
    *,
    most: list[int],
    beams: int = 1,
) -> list[str]:
    """What the model writes for each prompt (token ids), as text. See `written`."""
    found = written(model, tokenizer, prompts, device, most=most, beams=beams)
    return [text.strip() for text in tokenizer.batch_decode(found, skip_special_tokens=True)]


def written(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    prompts: list[list[int]],
    device: torch.device,
    *,
    most: list[int],
    beams: int = 1,
) -> list[list[int]]:
    """The tokens that the model writes for each prompt: the likeliest each time, or by beam search; `most` of each.

    One more than that is written and cut off: some models force an end at the limit, which alone and among others is
    another one.
    """
    left = not model.config.is_encoder_decoder  # answers are written behind a prompt: padding goes before it
    longest = max(map(len, prompts))
    pad = int(tokenizer.pad_token_id or 0)
    ids, mask = [], []
    for prompt in prompts:
        missing = longest - len(prompt)
        ids.append([pad] * missing + prompt if left else prompt + [pad] * missing)
        mask.append([0] * missing + [1] * len(prompt) if left else [1] * len(prompt) + [0] * missing)
    with torch.no_grad():
        whole = model.generate(
            input_ids=torch.tensor(ids, device=device),
            attention_mask=torch.tensor(mask, device=device),
            max_new_tokens=max(most) + 1,
            num_beams=beams,
            do_sample=False,
            use_cache=True,
            pad_token_id=pad,
            eos_token_id=tokenizer.eos_token_id,
        )
    new = whole[:, longest:] if left else whole[:, 1:]  # an encoder-decoder's begins with its start token
    return [row[:limit] for row, limit in zip(new.tolist(), most, strict=True)]
