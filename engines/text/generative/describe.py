"""The card of any writing model that Transformers builds, from its configuration alone."""

from __future__ import annotations

from engines import hub_files
from engines.contract import InputError, ModelCard, Problem, Stage
from engines.messages import _
from engines.text.generative import networks
from engines.text.generative.catalogue import TOKENS
from engines.text.models.encoders import is_causal


def describe(name: str, *, encoder_decoder: bool) -> ModelCard:
    """The card of a model in HEADSTART_MODELS or on the hub ('owner/name'). Raises InputError."""
    wanted = (
        _("an encoder-decoder such as Helsinki-NLP/opus-mt-en-fr") if encoder_decoder else _("a GPT such as distilgpt2")
    )
    where = _("model {name}", name=name)
    if not hub_files.safe_name(name):
        raise InputError(Problem(where, _("this is no model's name"), _("accepted: name, or owner/name on the hub")))
    folder = hub_files.config_folder(name)
    try:
        config = networks.config(folder)
        stages, parameters, hidden = networks.measured(config)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
        raise InputError(
            Problem(
                where,
                _("Transformers cannot build it ({error})", error=error)[:200],
                _("accepted: {wanted}", wanted=wanted),
            )
        ) from None
    if bool(config.is_encoder_decoder) != encoder_decoder or not (encoder_decoder or is_causal(config)):
        kind = _("an encoder with a decoder") if config.is_encoder_decoder else _("a decoder alone")
        kind = kind if config.is_encoder_decoder or is_causal(config) else _("an encoder alone, which cannot write")
        raise InputError(Problem(where, _("it is {kind}", kind=kind), _("accepted: {wanted}", wanted=wanted)))
    return ModelCard(
        name=name,
        title=name.split("/")[-1],
        family=str(config.model_type),
        parameters=parameters,
        download_bytes=4 * parameters + 1_000_000,
        licence="see its page on the hub",
        source=_("{name} on the Hugging Face hub", name=name)
        if "/" in name
        else _("the folder {name} in HEADSTART_MODELS", name=name),
        source_task=_("see its page on the hub"),
        input=_("up to {getattr:,} tokens of text", getattr=getattr(config, "max_position_embeddings", None) or 512),
        stages=tuple(Stage(stage, size, size * TOKENS) for stage, size in stages),
        head_inputs=hidden,
        head_parameters=0,
        hub=name,
    )
