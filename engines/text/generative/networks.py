"""Writing networks as stages: decoder-only (GPT-2, Llama, …) and encoder-decoder (Marian, T5, …), any that
Transformers builds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.modeling_outputs import BaseModelOutput
from transformers.pytorch_utils import Conv1D
from transformers.utils import logging

from engines import hub_files
from engines.contract import InputError, ModelCard, Problem, Strategy
from engines.messages import _
from engines.text.generative.examples import Batch
from engines.text.models import eight_bits
from engines.text.models.blocks import blocks_of, entering, last_norm
from engines.training import devices, strategies
from engines.training.devices import seed_everything
from engines.training.settings import TrainSettings
from engines.training.staged import Staged, StageModule

logging.disable_progress_bar()  # a worker has nobody to show it to

PLAIN_CHAT = _(
    "{% for message in messages %}{{ message['role'].capitalize() + ': ' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{{ '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
"""How a conversation is written down for a model that was made without chats, such as GPT-2."""


def model_of(network: Staged) -> PreTrainedModel:
    """What the stages were cut from."""
    return cast(PreTrainedModel, network.model)


def build(card: ModelCard, *, pretrained: bool, seed: int) -> Staged:
    """The network of that card, with its weights or with random ones drawn by `seed`. Raises InputError."""
    folder = hub_files.folder(card, with_weights=pretrained)
    found = config(folder)
    kind = AutoModelForSeq2SeqLM if found.is_encoder_decoder else AutoModelForCausalLM
    if pretrained:
        try:
            return staged(kind.from_pretrained(folder, dtype=torch.float32))
        except (OSError, RuntimeError, ValueError, KeyError) as error:
            problem = _("its files hold the weights of another network ({name})", name=type(error).__name__)
            raise InputError(
                Problem(_("model {name}", name=card.name), problem, _("accepted: its own weights"))
            ) from error
    seed_everything(seed, "weights")
    return staged(kind.from_config(found))


def staged(model: PreTrainedModel) -> Staged:
    """`model` (…ForCausalLM or …ForConditionalGeneration) as stages; the outputs are logits (n, V) at what is asked."""
    model.config.use_cache = False
    if model.config.is_encoder_decoder:
        return _encoder_decoder(model)
    found = _decoder_only(model)
    if found is None or not _adds_up(found):
        whole = StageModule("network", lambda batch: batch.with_values(_logits(model, batch)), lambda: (model,))
        return Staged(model, [whole], lambda: _Output(None))  # its head is no linear layer
    return found


class _Output(nn.Module):
    """From the last stage's output to logits float (n, V) at the positions asked for; other positions cost nothing.

    It owns no parameters: the output layer is the word table again in most of these models, and belongs to stage 0.
    """

    def __init__(self, layer: nn.Module | None):
        super().__init__()
        self._layer = (layer,)  # in a tuple, so that it is no submodule

    def forward(self, batch: Batch) -> Tensor:
        chosen = batch.values.flatten(0, 1)[batch.places] if batch.places is not None else batch.values[batch.asked]
        return chosen if self._layer[0] is None else self._layer[0](chosen)


# --- decoder-only ---------------------------------------------------------------------------------


def _decoder_only(model: PreTrainedModel) -> Staged | None:
    """Words, then the blocks; None where the layout is unknown.

    No block is told what is padding: it stands behind, where none of what is asked looks. A mask would cost the fast
    attention, and a question to the card whether it masks anything.
    """
    decoder = model.get_decoder()
    try:
        blocks = blocks_of(decoder)
    except ValueError:
        return None
    norm = last_norm(decoder, blocks) or nn.Identity()

    def words(batch: Batch) -> Batch:
        (embedded, *args), kwargs = entering(decoder, blocks, batch.values, None)
        return replace(batch, values=embedded, context=(args, kwargs))

    def block(number: int) -> StageModule:
        last = number == len(blocks) - 1

        def run(batch: Batch) -> Batch:
            context = batch.context
            if context is None:  # the frozen part lies behind us: its masks are made anew
                (_, *args), kwargs = entering(decoder, blocks, torch.zeros_like(batch.mask), None)
                context = (args, kwargs)
                batch = replace(batch, context=context)
            output = blocks[number](batch.values, *context[0], **context[1])
            values = output[0] if isinstance(output, tuple) else output
            return batch.with_values(norm(values) if last else values)

        return StageModule(f"block {number + 1}", run, lambda: (blocks[number], norm) if last else (blocks[number],))

    stages = [block(number) for number in range(len(blocks))]
    inside = {id(p) for stage in stages for p in stage.parameters()}
    tables = tuple(m for m in model.modules() if not any(True for _ in m.children()) and _outside(m, inside))
    output = _Output(model.get_output_embeddings())
    every = [StageModule("words", words, lambda: tables), *stages]
    return Staged(model, every, lambda: output)  # its head is no linear layer


def _outside(module: nn.Module, inside: set[int]) -> bool:
    own = list(module.parameters())
    return bool(own) and not any(id(parameter) in inside for parameter in own)


def _adds_up(network: Staged) -> bool:
    """Whether the stages one by one give the model's own logits, to 1e-4, on a padded batch."""
    model = model_of(network)
    ids = torch.tensor([[1, 2, 3, 4, 5], [3, 1, 2, 0, 0]]) % model.config.vocab_size
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    batch = Batch(ids, mask, mask.bool())
    network.eval()
    try:
        with torch.no_grad():
            ours, theirs = network(batch), _logits(model, batch)[batch.asked]
    except (TypeError, ValueError, RuntimeError, AttributeError, IndexError):  # blocks that want to be called otherwise
        return False
    return torch.allclose(ours, theirs, atol=1e-4 * max(1.0, float(theirs.abs().max())))


def _logits(model: PreTrainedModel, batch: Batch) -> Tensor:
    logits: Tensor = model(input_ids=batch.values, attention_mask=batch.mask, use_cache=False).logits
    return logits


# --- encoder-decoder ------------------------------------------------------------------------------


def _encoder_decoder(model: PreTrainedModel) -> Staged:
    """Words and encoder, then the decoder's blocks. The decoder runs as a whole in the last stage: what a frozen
    encoder makes of a sentence is computed once, and the decoder reads it."""
    encoder, decoder = model.get_encoder(), model.get_decoder()
    blocks = blocks_of(decoder)
    norms = tuple(filter(None, [last_norm(decoder, blocks)]))
    of_blocks = {id(parameter) for module in (blocks, *norms) for parameter in module.parameters()}
    rest = tuple(m for m in model.modules() if not any(True for _ in m.children()) and _outside(m, of_blocks))

    def encode(batch: Batch) -> Batch:
        states = encoder(input_ids=batch.source, attention_mask=batch.source_mask).last_hidden_state
        return replace(batch, source=states)

    def decode(batch: Batch) -> Batch:
        logits = model(
            encoder_outputs=BaseModelOutput(last_hidden_state=batch.source),
            attention_mask=batch.source_mask,
            decoder_input_ids=batch.values,
            use_cache=False,
        ).logits
        return batch.with_values(logits)

    def block(number: int) -> StageModule:
        last = number == len(blocks) - 1
        owned = (blocks[number], *norms) if last else (blocks[number],)
        return StageModule(f"decoder block {number + 1}", decode if last else lambda batch: batch, lambda: owned)

    stages = [StageModule("words and encoder", encode, lambda: rest)]
    stages += [block(number) for number in range(len(blocks))]
    output = _Output(None)
    return Staged(model, stages, lambda: output)  # its head is no linear layer


# --- what learns ----------------------------------------------------------------------------------


def apply(network: Staged, strategy: Strategy, settings: TrainSettings) -> None:
    """Freezes what the strategy freezes, in place, and sets `network.boundary`.

    'lora' puts adapters (Hu et al. 2021) beside every linear layer of every block; word tables stay as they are. With
    the setting `eight_bits` what these layers came with is held in 8 bits. Raises InputError where it cannot be.
    """
    network.keep_statistics = True
    network.boundary = strategy.boundary(len(network.stages), settings.blocks)
    if strategy is Strategy.LORA:
        model = model_of(network)
        targets = linear_layers(model)
        if getattr(settings, "eight_bits", False):
            hold_in_eight_bits(model)
        config = LoraConfig(
            r=settings.lora_rank,
            lora_alpha=2 * settings.lora_rank,
            target_modules=targets,
            fan_in_fan_out=isinstance(model.get_submodule(targets[0]), Conv1D),
            task_type="SEQ_2_SEQ_LM" if model.config.is_encoder_decoder else "CAUSAL_LM",
        )
        network.adapters = (get_peft_model(model, config),)
        return
    network.model.requires_grad_(network.boundary == 0)
    for stage in network.stages[network.boundary :]:
        for parameter in stage.parameters():
            parameter.requires_grad = True


def require_eight_bits(strategy: Strategy, settings: TrainSettings) -> None:
    """Raises InputError where the setting has no use: whatever learns keeps all of its bits."""
    if getattr(settings, "eight_bits", False) and strategy is not Strategy.LORA:
        found = _("with '{strategy}' there are no adapters that learn beside frozen weights", strategy=str(strategy))
        raise InputError(Problem(_("setting eight_bits"), found, _("accepted: strategy lora, or false")))


def hold_in_eight_bits(model: PreTrainedModel) -> None:
    """See `eight_bits.apply`; the word tables stay. Raises InputError where no other layer can be held so."""
    if eight_bits.apply(model, model.get_output_embeddings()) == 0:
        found = _("this network has no linear layers of the usual kind")
        raise InputError(Problem(_("setting eight_bits"), found, _("accepted: false, or another model")))
    devices.give_back_memory()


def merged(network: Staged) -> PreTrainedModel:
    """The model with its adapters, where it has any, added into its weights, in all bits."""
    eight_bits.undo(network.model)
    strategies.merge_adapters(network)
    return model_of(network)


def linear_layers(model: PreTrainedModel) -> list[str]:
    """The names of all linear layers but the output layer."""
    output = model.get_output_embeddings()
    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | Conv1D) and module is not output
    ]


# --- tokenizer and card ---------------------------------------------------------------------------


def config(folder: Path) -> PretrainedConfig:
    """The configuration of a model in a folder."""
    return AutoConfig.from_pretrained(folder)


def tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a model in a folder; that of a GPT made without chats gets `PLAIN_CHAT`."""
    found: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder)
    if found.pad_token is None:
        found.pad_token = found.eos_token
    if not getattr(found, "chat_template", None) and not config(folder).is_encoder_decoder:
        found.chat_template = PLAIN_CHAT
    return found


def measured(config: PretrainedConfig) -> tuple[list[tuple[str, int]], int, int]:
    """(name and parameters of each stage, all parameters, hidden size) of a network, counted without building it."""
    kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    with torch.device("meta"):
        model = kind.from_config(config)
    network = _encoder_decoder(model) if config.is_encoder_decoder else _decoder_only(model)
    total = sum(parameter.numel() for parameter in model.parameters())
    if network is None:
        return [("network", total)], total, int(config.hidden_size)
    stages = [(stage.name, sum(p.numel() for p in stage.parameters())) for stage in network.stages]
    return stages, total, int(getattr(config, "hidden_size", None) or config.d_model)
