"""The CTC models of torchaudio's pipelines, as the Transformers models that they are.

torchaudio carries wav2vec 2.0 and HuBERT as their authors published them, VoxPopuli's five languages among them, in its
own names. The architectures are those of Transformers, so that the weights move over without loss:
`torchaudio.models.wav2vec2.utils.import_huggingface_model` goes the other way.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any, TypeGuard

import torch
import torchaudio
from torchaudio.pipelines import Wav2Vec2ASRBundle
from transformers import HubertConfig, Wav2Vec2Config, Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor

from engines.contract import InputError, ModelCard, Problem
from engines.messages import _
from engines.speech.audio.files import RATE
from engines.speech.models.ctc import KINDS

OWNER = "torchaudio/"
BLANK = "-"
CONFIGURATIONS = {"wav2vec2": Wav2Vec2Config, "hubert": HubertConfig}
MOVED = (  # names of torchaudio, names below the base model of Transformers
    ("encoder.feature_projection.", "feature_projection."),
    ("encoder.transformer.", "encoder."),
    ("feature_extractor.", "feature_extractor."),
)


def find(name: str) -> Wav2Vec2ASRBundle:
    """The bundle that 'torchaudio/WAV2VEC2_ASR_BASE_960H' names.

    Raises InputError for one that writes down no speech, or that this torchaudio does not have.
    """
    bundle = getattr(torchaudio.pipelines, name.removeprefix(OWNER), None)
    if not _writes_down_speech(bundle):
        known = sorted(
            OWNER + known for known, value in vars(torchaudio.pipelines).items() if _writes_down_speech(value)
        )
        found = _("torchaudio's pipelines hold no such model that writes down speech")
        raise InputError(
            Problem(_("model {name}", name=name[:80]), found, _("accepted: {known}", known=", ".join(known)))
        )
    return bundle


def _writes_down_speech(value: Any) -> TypeGuard[Wav2Vec2ASRBundle]:
    return type(value) is Wav2Vec2ASRBundle  # a subclass is there to align only


def kind(name: str) -> str:
    return "hubert" if "HUBERT" in name else "wav2vec2"


def configuration(name: str) -> Wav2Vec2Config | HubertConfig:
    """The network's shape in Transformers' words; no weights are needed."""
    shape = find(name)._params  # torchaudio says it nowhere else without downloading
    layers = shape["extractor_conv_layer_config"]
    return CONFIGURATIONS[kind(name)](
        vocab_size=shape["aux_num_out"],
        pad_token_id=0,
        feat_extract_norm=shape["extractor_mode"].removesuffix("_norm"),
        conv_dim=[width for width, _, _ in layers],
        conv_kernel=[kernel for _, kernel, _ in layers],
        conv_stride=[stride for _, _, stride in layers],
        conv_bias=shape["extractor_conv_bias"],
        hidden_size=shape["encoder_embed_dim"],
        num_hidden_layers=shape["encoder_num_layers"],
        num_attention_heads=shape["encoder_num_heads"],
        intermediate_size=shape["encoder_ff_interm_features"],
        num_conv_pos_embeddings=shape["encoder_pos_conv_kernel"],
        num_conv_pos_embedding_groups=shape["encoder_pos_conv_groups"],
        do_stable_layer_norm=shape["encoder_layer_norm_first"],
    )


def card(name: str, **more: str | None) -> ModelCard:
    """Its sizes, and where torch keeps its weights. Raises InputError, see `find`."""
    from engines.speech.models import card_from_config

    said = {
        "title": name.removeprefix(OWNER).replace("_", " "),
        "source": _("{removeprefix} of torchaudio.pipelines", removeprefix=name.removeprefix(OWNER)),
        "torch_file": Path(find(name)._path).name,
    }
    return card_from_config.described(name, configuration(name), kind(name), **{**said, **more})


def load(name: str, path: Path) -> tuple[Any, Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor]:
    """Model, letters and ears, from the weights that torchaudio published. Raises InputError when they do not fit."""
    bundle, at = find(name), {"model_dir": str(path.parent), "file_name": path.name}
    try:
        theirs = bundle.get_model(dl_kwargs={**at, "map_location": "cpu", "weights_only": True})
        normalised = not isinstance(theirs, torchaudio.models.Wav2Vec2Model)
        theirs = theirs.model if normalised else theirs
        ours = KINDS[kind(name)](configuration(name))  # type: ignore[arg-type]  # both are of one kind
        missing, _unused = ours.load_state_dict(renamed(theirs.state_dict(), ours.base_model_prefix), strict=False)
        if set(missing) - {f"{ours.base_model_prefix}.masked_spec_embed"}:  # used in pretraining only, not published
            raise KeyError(missing)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        found = _("its files do not make the model that torchaudio describes")
        raise InputError(
            Problem(_("model {name}", name=name), found, _("accepted: the file that torchaudio downloads"))
        ) from error
    letters = {letter: number for number, letter in enumerate(bundle.get_labels(blank=BLANK))}
    with tempfile.TemporaryDirectory() as folder:  # the tokenizer reads its letters from a file only
        (vocabulary := Path(folder) / "vocab.json").write_text(json.dumps(letters), encoding="utf-8")
        tokenizer = Wav2Vec2CTCTokenizer(
            str(vocabulary), pad_token=BLANK, unk_token=BLANK, bos_token=None, eos_token=None
        )
    return ours, tokenizer, Wav2Vec2FeatureExtractor(sampling_rate=RATE, do_normalize=normalised)


def renamed(state: dict[str, torch.Tensor], base: str) -> dict[str, torch.Tensor]:
    """torchaudio's names in Transformers' words."""
    moved = {}
    for name, tensor in state.items():
        for theirs, ours in MOVED:
            if name.startswith(theirs):
                moved[f"{base}.{ours}{name.removeprefix(theirs)}"] = tensor
        if name.startswith("aux."):
            moved[f"lm_head.{name.removeprefix('aux.')}"] = tensor
    return moved
