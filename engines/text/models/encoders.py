"""Networks that read, as stages: transformers cut between their blocks, and ELMo between its layers."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PretrainedConfig
from transformers.utils import logging

from engines import hub_files, paths, weights
from engines.contract import InputError, ModelCard, Problem
from engines.messages import _
from engines.text.models import elmo_release
from engines.text.models.blocks import blocks_of, embedded, last_norm, through
from engines.text.models.elmo import Elmo, ElmoForSequenceClassification, initialise
from engines.text.models.elmo_input import characters
from engines.text.models.pooled import PooledForSequenceClassification, pool
from engines.text.models.tokenising import Reader, WordReader, reader_of
from engines.text.settings import TextSettings
from engines.training.devices import seed_everything
from engines.training.staged import Staged, StageModule, count, measured
from engines.training.tokens import Tokens

logging.disable_progress_bar()  # loading takes a moment, and a worker's log is no screen

MEASURED_TOKENS = 64
"""The length of the text whose cost stands on a model's card."""


def build(card: ModelCard, outputs: int, *, pretrained: bool, seed: int, depth: int = 0) -> Staged:
    """The network with a fresh head of `outputs` classes; backbone from the weight file or random by `seed`. With
    `depth`, only its first so many stages, with a head on what these see.

    Raises weights.WeightsUnavailable when the weights are not to be had, and InputError when they do not fit.
    """
    seed_everything(seed, "weights")
    if card.family == "ELMo":
        return staged_elmo(ElmoForSequenceClassification(_elmo(card, pretrained, seed), outputs, depth))
    folder = hub_files.folder(card, with_weights=pretrained)
    config = _config(folder, outputs)
    if cut := 0 < depth < len(card.stages):
        end_early(config, depth)
    model = PooledForSequenceClassification(config)
    if pretrained:
        path = weights.find(card)
        try:
            backbone = AutoModel.from_pretrained(folder, dtype=torch.float32)
            model.backbone.load_state_dict(backbone.state_dict(), strict=False)
        except (OSError, RuntimeError, ValueError, KeyError) as error:
            found = _("{name} holds weights of another network", name=path.name if path else folder.name)
            raise InputError(
                Problem(_("model {name}", name=card.name), found, _("accepted: its own weights"))
            ) from error
    network = staged(model)
    network.ends_early = cut
    if cut and len(network.stages) != depth:
        found = _("found {depth}, behind which this network cannot be ended", depth=depth)
        raise InputError(Problem(_("setting depth"), found, _("accepted: 0, for all of its blocks")))
    return network


def end_early(config: PretrainedConfig, depth: int) -> None:
    """Leaves of a network, by its configuration, the words and `depth` - 1 blocks. A normalisation behind the last
    block goes with what is left out."""
    with torch.device("meta"):
        backbone = AutoModel.from_config(config)
    names: dict[nn.Module, str] = {module: name for name, module in backbone.named_modules()}
    norm = last_norm(backbone, blocks_of(backbone))
    config.left_out = [names[norm]] if norm else []
    config.num_hidden_layers = depth - 1
    for name in ("layer_types", "mlp_layer_types"):  # a word for each block
        if getattr(config, name, None):
            setattr(config, name, getattr(config, name)[: depth - 1])


def _config(folder: Path, outputs: int) -> PretrainedConfig:
    config = AutoConfig.from_pretrained(folder)
    config.num_labels = outputs
    config.pooling = "last" if is_causal(config) else "mean"
    config.use_cache = False
    config.dtype = torch.float32  # also of weights that are stored in half precision: they are to learn
    return config


def is_causal(config: PretrainedConfig) -> bool:
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
    folder = hub_files.folder(card, with_weights=False)
    length = longest(AutoConfig.from_pretrained(folder), settings.max_tokens)
    return reader_of(folder, card.name, length, settings.max_windows)


def longest(config: PretrainedConfig, wanted: int) -> int:
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
        if _adds_up(network, model.config.vocab_size):
            return network
    except (ValueError, TypeError, RuntimeError, AttributeError, IndexError):
        pass

    def whole(tokens: Tokens) -> Tensor:
        hidden = model.backbone(input_ids=tokens.values, attention_mask=tokens.attention_mask).last_hidden_state
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

        def run(tokens: Tokens) -> Tokens | Tensor:
            tokens = through(backbone, blocks, number, tokens)
            if not last:
                return tokens
            hidden = norm(tokens.values) if norm else tokens.values
            return tokens.pooled(pool(hidden, tokens.mask, model.config.pooling))

        owned = (blocks[number], norm) if last and norm else (blocks[number],)
        return StageModule(f"block {number + 1}", run, lambda: owned)

    stages = [StageModule("words", lambda tokens: embedded(backbone, blocks, tokens), lambda: words)]
    return Staged(model, stages + [block(number) for number in range(len(blocks))], lambda: model.classifier)


def _adds_up(network: Staged, vocabulary: int) -> bool:
    """Whether the stages one by one give the model's own logits, to 1e-4, on a padded batch."""
    ids = [torch.tensor([1, 2, 3, 4, 5]) % vocabulary, torch.tensor([3, 1, 2]) % vocabulary]
    tokens = Tokens.padded([[ids[0]], [ids[1]]])
    network.eval()
    with torch.no_grad():
        ours = network(tokens)
        theirs = network.model(input_ids=tokens.values, attention_mask=tokens.attention_mask).logits
    return torch.allclose(ours, theirs, atol=1e-4 * max(1.0, float(theirs.abs().max())))


# --- ELMo -----------------------------------------------------------------------------------------


def elmo_stages(elmo: Elmo) -> list[StageModule]:
    """Letters; each LSTM layer, the last of which also pools; the mix. Run in order: ids in, (B, 2P) out.

    Pooling comes before mixing (both are sums, the order is free), so that a frozen language model runs once and what
    is kept of a text is layers + 1 vectors, above which the mix still learns: how the paper uses ELMo.
    """
    last = None if elmo.ends_early else elmo.sizes.layers - 1

    def layer_stage(layer: int) -> StageModule:
        def run(state: Tensor) -> Tensor:
            state = elmo.contextualise(state, layer)
            return elmo.pool(state) if layer == last else state

        return StageModule(f"LSTM {layer + 1}", run, lambda: (elmo.lstm[layer],))

    letters = StageModule("characters", elmo.spell, lambda: (elmo.characters,))
    if elmo.ends_early:
        found = [letters, *map(layer_stage, range(len(elmo.lstm)))]
        end = found[-1]
        return [*found[:-1], StageModule(end.name, lambda x: elmo.pool(end.run(x))[:, -1], end.modules)]
    mix = StageModule("mix", lambda pooled: elmo.mix(pooled), lambda: (elmo.mix,))
    return [letters, *map(layer_stage, range(elmo.sizes.layers)), mix]


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
    root = paths.models()
    found = (root / name / "options.json", root / name / "weights.hdf5") if root else None
    return found if found and all(path.is_file() for path in found) else None


def staged_elmo(model: ElmoForSequenceClassification) -> Staged:
    """ELMo's own stages: tokens go through, until the last LSTM pools and a text's windows are brought together."""
    own, early = elmo_stages(model.elmo), model.elmo.ends_early
    pooling = len(own) - (1 if early else 2)

    def handed_on(tokens: Tokens, values: Tensor, more: int = 0) -> Tokens:
        """values: (W, T + 2, D), the first of D says which places are in use."""
        windows = tokens.windows and [[length + more for length in each] for each in tokens.windows]
        return Tokens(values, values[..., 0] > 0.5, tokens.owner, windows=windows)

    def letters(tokens: Tokens) -> Tokens:
        return handed_on(tokens, model.elmo.spell(tokens.values, tokens.known), 2)

    def state(stage: StageModule) -> StageModule:
        return StageModule(stage.name, lambda tokens: handed_on(tokens, stage.run(tokens.values)), stage.modules)

    last = StageModule(own[pooling].name, lambda t: t.pooled(own[pooling].run(t.values)), own[pooling].modules)
    first = [StageModule(own[0].name, letters, own[0].modules)][:pooling]  # else the first stage pools
    stages = [*first, *map(state, own[1:pooling]), last, *own[pooling + 1 :]]
    return Staged(model, stages, lambda: model.classifier, ends_early=early)


# --- what stands on the card ----------------------------------------------------------------------


@functools.lru_cache(maxsize=64)
def describe(name: str) -> ModelCard:
    """The card of a model on the hub (or in HEADSTART_MODELS), read off its configuration. Raises InputError."""
    where = _("model {name}", name=name)
    if not hub_files.safe_name(name):
        accepted = _("accepted: a name as on the hub, such as google-bert/bert-base-uncased")
        raise InputError(Problem(where, _("this is no name of a model"), accepted))
    if (found := released(name)) is not None:
        network = staged_elmo(ElmoForSequenceClassification(elmo_release.from_release(*found), 2))
        return ModelCard(
            name=name,
            title=name,
            licence="see its page",
            source=_("an original release, from HEADSTART_MODELS"),
            source_task=_("a two-way language model (Peters et al. 2018)"),
            **elmo_measures(network),
        )
    folder = hub_files.config_folder(name)
    try:
        config = _config(folder, 2)
        measured = measure(config)
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RuntimeError) as error:
        accepted = _("accepted: an encoder such as BERT or a decoder such as GPT-2, as Transformers has them")
        raise InputError(
            Problem(where, _("it cannot be cut into a backbone and a head ({error})", error=error), accepted)
        ) from None
    return ModelCard(
        name=name,
        title=name.split("/")[-1],
        licence="see its page",
        source=_("{name} on the Hugging Face hub", name=name),
        source_task=_("see its page"),
        hub=name,
        **measured,
    )


def measure(config: PretrainedConfig) -> dict[str, Any]:
    """What a card says of a network that its configuration tells: family, input, sizes and costs."""
    with torch.random.fork_rng(devices=[]):  # random weights, only counted
        model = PooledForSequenceClassification(config)
        model.backbone.set_attn_implementation("eager")  # whose products are counted
        network = staged(model)
    ids = torch.arange(MEASURED_TOKENS) % config.vocab_size
    stages = measured(network.eval().stages, Tokens.padded([[ids]]))
    parameters = count(p for stage in network.stages for p in stage.parameters())
    positions = getattr(config, "max_position_embeddings", None)
    return {
        "family": type(config).__name__.removesuffix("Config"),
        "parameters": parameters,
        "download_bytes": 4 * parameters,
        "input": _("up to {positions:,} tokens of text", positions=positions) if positions else "text",
        "stages": tuple(stages),
        "head_inputs": network.head().in_features,
    }


def elmo_measures(network: Staged) -> dict[str, Any]:
    """The same of an ELMo: a text of as many words as give `MEASURED_TOKENS` in other tokenizers."""
    words = [f"word{number:03d}" for number in range(MEASURED_TOKENS * 2 // 3)]
    stages = measured(network.eval().stages, Tokens.padded([[characters([words])[0]]]))
    parameters = count(p for stage in network.stages for p in stage.parameters())
    return {
        "family": "ELMo",
        "parameters": parameters,
        "download_bytes": 4 * parameters,
        "input": _("text, read word by word and letter by letter"),
        "stages": tuple(stages),
        "head_inputs": network.head().in_features,
    }
