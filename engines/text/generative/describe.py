"""The card of any writing model that Transformers builds, from its configuration alone."""

from __future__ import annotations

from engines import hub_files
from engines.contract import InputError, ModelCard, Problem, Stage
from engines.text.generative import networks
from engines.text.generative.catalogue import TOKENS
from engines.text.models.encoders import is_causal


def describe(name: str, *, encoder_decoder: bool) -> ModelCard:
    """The card of a model in HEADSTART_MODELS or on the hub ('owner/name'). Raises InputError."""
    wanted = "an encoder-decoder such as Helsinki-NLP/opus-mt-en-fr" if encoder_decoder else "a GPT such as distilgpt2"
    where = f"model {name}"
    if not hub_files.safe_name(name):
        raise InputError(Problem(where, "this is no model's name", "accepted: name, or owner/name on the hub"))
    folder = hub_files.config_folder(name)
    try:
        config = networks.config(folder)
        stages, parameters, hidden = networks.measured(config)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
        raise InputError(
            Problem(where, f"Transformers cannot build it ({error})"[:200], f"accepted: {wanted}")
        ) from None
    if bool(config.is_encoder_decoder) != encoder_decoder or not (encoder_decoder or is_causal(config)):
        kind = "an encoder with a decoder" if config.is_encoder_decoder else "a decoder alone"
        kind = kind if config.is_encoder_decoder or is_causal(config) else "an encoder alone, which cannot write"
        raise InputError(Problem(where, f"it is {kind}", f"accepted: {wanted}"))
    return ModelCard(
        name=name,
        title=name.split("/")[-1],
        family=str(config.model_type),
        parameters=parameters,
        download_bytes=4 * parameters + 1_000_000,
        licence="see its page on the hub",
        source=f"{name} on the Hugging Face hub" if "/" in name else f"the folder {name} in HEADSTART_MODELS",
        source_task="see its page on the hub",
        input=f"up to {getattr(config, 'max_position_embeddings', None) or 512:,} tokens of text",
        stages=tuple(Stage(stage, size, size * TOKENS) for stage, size in stages),
        head_inputs=hidden,
        head_parameters=0,
        hub=name,
    )
