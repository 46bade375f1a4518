"""What every model that writes down speech can do, whatever is inside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from safetensors import SafetensorError
from torch import Tensor, nn

from engines import weights
from engines.contract import InputError, ModelCard, Problem
from engines.messages import _
from engines.speech.models.states import Answers, EncoderStates, Transcript
from engines.training.staged import Staged

if TYPE_CHECKING:
    from engines.speech.models.whisper import Whisper


class Recogniser(Protocol):
    """A network cut into stages, with the ears and the spelling that belong to it."""

    network: Staged
    decodes: bool
    """Whether its head is a decoder, which knows the language, rather than a layer that names letters."""

    @property
    def languages(self) -> str:
        """'English', or 'many languages'."""

    def hear(self, samples: np.ndarray) -> Tensor:
        """The network's input float (T, D), of samples float32 (N,) at 16 kHz."""

    def frames(self, samples: int) -> int:
        """How many states the first stage makes of so many samples."""

    @property
    def width(self) -> int:
        """Of a state, behind any stage."""

    def spell(self, text: str) -> tuple[list[int], list[int]]:
        """What the decoder reads and what it should answer. Raises ValueError for text that it cannot write."""

    def loss(self, outputs: Any, targets: Answers, smoothing: float) -> Tensor:
        """The mean loss a token, of what the network gave."""

    def write(self, heard: EncoderStates, start: int, seconds: Sequence[float]) -> list[Transcript]:
        """What it hears, from the input of stage `start`, in clips of so many seconds."""

    def fixed(self) -> list[nn.Parameter]:
        """Parameters that no strategy trains: the vocabulary."""

    def adaptable(self) -> list[str]:
        """Names of the linear layers that adapters may stand beside."""

    def save(self, folder: Path) -> None:
        """Writes what Transformers' `from_pretrained` loads."""


def build(card: ModelCard, language: str = "en") -> Recogniser:
    """The pretrained model. Raises weights.WeightsUnavailable, and InputError when the weights do not fit, or when it
    does not know the language."""
    path = weights.fetch(card)
    if card.torch_file:
        from engines.speech.models import ctc, torchaudio_bundles

        return ctc.Ctc(*torchaudio_bundles.load(card.name, path))
    return load(card.name, path, pretrained_folder(card, path), language)


def load(name: str, path: Path, folder: Path, language: str = "en") -> Recogniser:
    """The model whose weights are `path` and whose other files lie in `folder`. Raises InputError."""
    from transformers.utils import logging

    from engines.speech.models import ctc, whisper

    logging.disable_progress_bar()
    try:
        if ctc.kind(folder) is not None:
            return ctc.from_folder(folder)
        is_packed = whisper.is_ctranslate2(path)
        model = whisper.from_ctranslate2(path) if is_packed else whisper.from_folder(folder)
    except (OSError, ValueError, KeyError, RuntimeError, AttributeError, SafetensorError) as error:
        found = _("its files do not make a model that writes down speech")
        accepted = _("accepted: Whisper, wav2vec 2.0, HuBERT or WavLM with their own files")
        raise InputError(Problem(_("model {name}", name=name), found, accepted)) from error
    if not found_language(model, language):
        said = _("it writes English only") if model.languages == "English" else _("it does not know this language")
        raise InputError(
            Problem(
                _("setting language"),
                _("found {language!r} for {name}", language=language, name=name),
                _("{said}, accepted: en", said=said),
            )
        )
    return model


def found_language(model: Whisper, language: str) -> bool:
    """Sets the language that a multilingual Whisper writes. False where it does not know it."""
    model.language = language
    known = model.tokenizer.convert_tokens_to_ids(f"<|{language}|>")
    return language == "en" or (model.is_multilingual and known != model.tokenizer.unk_token_id)


COMPANIONS = (
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
    "merges.txt",
    "normalizer.json",
    "special_tokens_map.json",
    "added_tokens.json",
)
"""What Transformers reads beside the weights of a speech model; each model has some of them."""


def pretrained_folder(card: ModelCard, path: Path) -> Path:
    """Where the files beside the weights lie; fetched from the hub where the weights came from there.

    Raises weights.WeightsUnavailable when even config.json is not to be had.
    """
    if card.hub and "snapshots" in path.parts:
        from huggingface_hub import hf_hub_download, try_to_load_from_cache
        from huggingface_hub.errors import EntryNotFoundError, HTTPError

        for name in COMPANIONS:
            if try_to_load_from_cache(card.hub, name) is not None or not weights.hub_reachable():
                continue
            try:
                hf_hub_download(card.hub, name)
            except EntryNotFoundError:
                continue
            except (HTTPError, OSError):
                break
    if not (path.parent / "config.json").is_file():
        found = _("config.json is not beside {name}", name=path.name)
        raise weights.WeightsUnavailable(
            Problem(_("model {name}", name=card.name), found, _("connect to the network and try again"))
        )
    return path.parent
