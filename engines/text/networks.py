"""Networks that read, as stages: transformers cut between their blocks, and ELMo between its layers."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, AutoModel
from transformers.utils import logging

from engines import places, weights
from engines.contract import InputError, ModelCard, Problem, Stage
from engines.text import elmo_release, writer_files
from engines.text.blocks import blocks_of, embedded, last_norm, through
from engines.text.elmo import Elmo, initialise
from engines.text.elmo_input import characters
from engines.text.pooled import PooledForSequenceClassification, pool
from engines.text.reading import Reader, WordReader, reader_of
from engines.text.settings import TextSettings
from engines.training.devices import seed_everything
from engines.training.staged import Staged, StageModule, count
from engines.training.tokens import Tokens

logging.disable_progress_bar()  # loading takes a moment, and a worker's log is no screen

MEASURED_TOKENS = 64
"""The length of the text whose cost stands on a model's card."""


def build(card: ModelCard, outputs: int, *, pretrained: bool, seed: int) -> Staged:
    """The network with a fresh head of `outputs` classes; backbone from the weight file or random by `seed`.

    Raises weights.WeightsUnavailable when the weights are not to be had, and InputError when they do not fit.
    """
    seed_everything(seed, "weights")
    if card.family == "ELMo":
        return staged_elmo(ElmoForSequenceClassification(_elmo(card, pretrained, seed), outputs))
    folder = writer_files.folder(card, with_weights=pretrained)
    model = PooledForSequenceClassification(_config(folder, outputs))
    if pretrained:
        path = weights.find(card)
        try:
            backbone = AutoModel.from_pretrained(folder, dtype=torch.float32)
            model.backbone.load_state_dict(backbone.state_dict(), strict=False)
        except (OSError, RuntimeError, ValueError, KeyError) as error:
            found = f"{path.name if path else folder.name} holds weights of another network"
            raise InputError(Problem(f"model {card.name}", found, "accepted: its own weights")) from error
    return staged(model)


def _config(folder: Path, outputs: int) -> Any:
    config = AutoConfig.from_pretrained(folder)
    config.num_labels = outputs
    config.pooling = "last" if is_causal(config) else "mean"
    config.use_cache = False
    config.dtype = torch.float32  # also of weights that are stored in half precision: they are to learn
    return config


def is_causal(config: Any) -> bool:
    """Whether each token sees only what stands before it, as in a GPT: then the last one has seen everything."""
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    )

    kind = config.model_type
    return kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and kind not in MODEL_FOR_MASKED_LM_MAPPING_NAMES


def reader(card: ModelCard, settings: TextSettings) -> Reader:
    """What turns texts into this network's inputs."""
    if card.family == "ELMo":
        return WordReader(settings.max_tokens, settings.max_windows)
    folder = writer_files.folder(card, with_weights=False)
    length = longest(AutoConfig.from_pretrained(folder), settings.max_tokens)
    return reader_of(folder, card.name, length, settings.max_windows)


def longest(config: Any, wanted: int) -> int:
    """`wanted` tokens, or as many as the network has positions for."""
    positions = getattr(config, "max_position_embeddings", None) or wanted
    if config.model_type in {"roberta", "xlm-roberta", "camembert"}:
        positions -= 2  # their positions begin at 2
    return min(wanted, positions)


# --- transformers ---------------------------------------------------------------------------------


def staged(model: PooledForSequenceClassification) -> Staged:
    """`model` cut between its blocks; one whose blocks cannot be entered one by one is one stage and a head."""
    model.backbone.config.use_cache = False
    try:
        network = _by_blocks(model)
        if _adds_up(network):
            return network
    except (ValueError, TypeError, RuntimeError, AttributeError, IndexError):
        pass

    def whole(tokens: Tokens) -> Tensor:
        hidden = model.backbone(input_ids=tokens.values, attention_mask=tokens.mask.long()).last_hidden_state
        return tokens.pooled(pool(hidden, tokens.mask, model.config.pooling))

    return Staged(model, [StageModule("body", whole, lambda: (model.backbone,))], lambda: model.classifier)


def _by_blocks(model: PooledForSequenceClassification) -> Staged:
    backbone = model.backbone
    blocks = blocks_of(backbone)
    norm = last_norm(backbone, blocks)
    of_blocks = {id(p) for block in blocks for p in block.parameters()}
    of_blocks |= {id(p) for p in norm.parameters()} if norm else set()
    words = tuple(
        module
        for module in backbone.modules()
        if not any(True for _ in module.children())
        and (own := list(module.parameters()))
        and not any(id(p) in of_blocks for p in own)
    )

    def block(number: int) -> StageModule:
        last = number == len(blocks) - 1

        def run(tokens: Tokens) -> Any:
            tokens = through(backbone, blocks, number, tokens)
            if not last:
                return tokens
            hidden = norm(tokens.values) if norm else tokens.values
            return tokens.pooled(pool(hidden, tokens.mask, model.config.pooling))

        owned = (blocks[number], norm) if last and norm else (blocks[number],)
        return StageModule(f"block {number + 1}", run, lambda: owned)

    stages = [StageModule("words", lambda tokens: embedded(backbone, blocks, tokens), lambda: words)]
    return Staged(model, stages + [block(number) for number in range(len(blocks))], lambda: model.classifier)


def _adds_up(network: Staged) -> bool:
    """Whether the stages one by one give the model's own logits, to 1e-4, on a padded batch."""
    config: Any = network.model.config
    vocabulary = config.vocab_size
    ids = [torch.tensor([1, 2, 3, 4, 5]) % vocabulary, torch.tensor([3, 1, 2]) % vocabulary]
    tokens = Tokens.padded([[ids[0]], [ids[1]]])
    network.eval()
    with torch.no_grad():
        ours = network(tokens)
        theirs = network.model(input_ids=tokens.values, attention_mask=tokens.mask.long()).logits
    return torch.allclose(ours, theirs, atol=1e-4 * max(1.0, float(theirs.abs().max())))


# --- ELMo -----------------------------------------------------------------------------------------


class ElmoForSequenceClassification(nn.Module):
    """ELMo and a linear layer on the mean of a text's words, each a learnt mix of the network's layers."""

    def __init__(self, elmo: Elmo, outputs: int):
        super().__init__()
        self.elmo = elmo
        self.classifier = nn.Linear(elmo.dimension, outputs)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits (B, C) of texts that fit into one window each, int64 (B, T, 50)."""
        x: Tensor = ids
        for stage in self.elmo.stages():
            x = stage.run(x)
        return self.classifier(x)


def _elmo(card: ModelCard, pretrained: bool, seed: int) -> Elmo:
    """The small one carried here, or an original release that lies in HEADSTART_MODELS."""
    if (found := released(card.name)) is None:
        return elmo_release.build(pretrained=pretrained, seed=seed)
    network = elmo_release.from_release(*found)
    if not pretrained:
        seed_everything(seed, "weights")
        initialise(network)
    return network


def released(name: str) -> tuple[Path, Path] | None:
    """options.json and weights.hdf5, as the authors published them, in the folder of that name in HEADSTART_MODELS."""
    root = places.models()
    found = (root / name / "options.json", root / name / "weights.hdf5") if root else None
    return found if found and all(path.is_file() for path in found) else None


def staged_elmo(model: ElmoForSequenceClassification) -> Staged:
    """ELMo's own stages: tokens go through, until the last LSTM pools and a text's windows are brought together."""
    own = model.elmo.stages()
    pooling = len(own) - 2

    def state(stage: StageModule) -> StageModule:
        def run(tokens: Tokens) -> Tokens:
            values = stage.run(tokens.values)  # (W, T + 2, D), the first of D says which places are in use
            return Tokens(values, values[..., 0] > 0.5, tokens.owner)

        return StageModule(stage.name, run, stage.modules)

    last = StageModule(own[pooling].name, lambda t: t.pooled(own[pooling].run(t.values)), own[pooling].modules)
    return Staged(model, [*map(state, own[:pooling]), last, own[-1]], lambda: model.classifier)


# --- what stands on the card ----------------------------------------------------------------------


@functools.lru_cache(maxsize=64)
def describe(name: str) -> ModelCard:
    """The card of a model on the hub (or in HEADSTART_MODELS), read off its configuration. Raises InputError."""
    where = f"model {name}"
    if not writer_files.safe_name(name):
        accepted = "accepted: a name as on the hub, such as google-bert/bert-base-uncased"
        raise InputError(Problem(where, "this is no name of a model", accepted))
    if (found := released(name)) is not None:
        network = staged_elmo(ElmoForSequenceClassification(elmo_release.from_release(*found), 2))
        return ModelCard(
            name=name, title=name, licence="see its page", source="an original release, from HEADSTART_MODELS",
            source_task="a two-way language model (Peters et al. 2018)", **elmo_measures(network),
        )  # fmt: skip
    folder = writer_files.config_folder(name)
    try:
        config = _config(folder, 2)
        measured = measure(config)
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RuntimeError) as error:
        accepted = "accepted: an encoder such as BERT or a decoder such as GPT-2, as Transformers has them"
        raise InputError(Problem(where, f"it cannot be cut into a backbone and a head ({error})", accepted)) from None
    return ModelCard(
        name=name, title=name.split("/")[-1], licence="see its page", source=f"{name} on the Hugging Face hub",
        source_task="see its page", hub=name, **measured,
    )  # fmt: skip


def measure(config: Any) -> dict[str, Any]:
    """What a card says of a network that its configuration tells: family, input, sizes and costs."""
    with torch.random.fork_rng(devices=[]):  # random weights, only counted
        model = PooledForSequenceClassification(config)
        model.backbone.set_attn_implementation("eager")  # whose products are counted
        network = staged(model)
    ids = torch.arange(MEASURED_TOKENS) % config.vocab_size
    stages = measured_stages(network, Tokens.padded([[ids]]))
    parameters = count(p for stage in network.stages for p in stage.parameters())
    positions = getattr(config, "max_position_embeddings", None)
    return {
        "family": type(config).__name__.removesuffix("Config"),
        "parameters": parameters,
        "download_bytes": 4 * parameters,
        "input": f"up to {positions:,} tokens of text" if positions else "text",
        "stages": tuple(stages),
        "head_inputs": network.head().in_features,
    }


def elmo_measures(network: Staged) -> dict[str, Any]:
    """The same of an ELMo: a text of as many words as give `MEASURED_TOKENS` in other tokenizers."""
    words = [f"word{number:03d}" for number in range(MEASURED_TOKENS * 2 // 3)]
    stages = measured_stages(network, Tokens.padded([[characters([words])[0]]]))
    parameters = count(p for stage in network.stages for p in stage.parameters())
    return {
        "family": "ELMo",
        "parameters": parameters,
        "download_bytes": 4 * parameters,
        "input": "text, read word by word and letter by letter",
        "stages": tuple(stages),
        "head_inputs": network.head().in_features,
    }


def measured_stages(network: Staged, example: Tokens) -> list[Stage]:
    """Parameters and multiply-accumulates of each stage, counted by running it."""
    network.eval()
    measured = []
    x: Any = example
    for stage in network.stages:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            x = stage.run(x)
        measured.append(Stage(stage.name, count(stage.parameters()), counter.get_total_flops() // 2))
    return measured
