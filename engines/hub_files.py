"""Where a model's files are: a folder in Transformers' own layout, whatever they came as. Imports no torch at its top
level."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
from pathlib import Path

from engines import paths, weights
from engines.contract import InputError, ModelCard, Problem
from engines.messages import _

SMALL_FILES = ["*.json", "*.txt", "*.model", "*.spm", "*.jinja"]
"""Configuration and tokenizer, as the hub keeps them."""


def folder(card: ModelCard, *, with_weights: bool = True) -> Path:
    """A folder that `from_pretrained` reads, with the model's verified weights unless they are not wanted.

    Raises InputError when they are not here and cannot be fetched.
    """
    if (found := prepared(card.name)) is not None:
        return weights.fetch(card).parent if with_weights else found
    if card.package:
        return _from_package(card)
    return _from_hub(card.hub or card.name, card if with_weights else None)


def prepared(name: str) -> Path | None:
    """The folder of that name below HEADSTART_MODELS, where it is a model's in Transformers' layout."""
    root = paths.models()
    found = root and root / name
    return found if found and (found / "config.json").is_file() else None


def safe_name(name: str) -> bool:
    """Whether `name` may be looked up: 'name' or 'owner/name', no path."""
    return bool(re.fullmatch(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", name)) and ".." not in name


def config_folder(name: str) -> Path:
    """Where config.json of any model name is. Raises InputError when there is none to be had."""
    return prepared(name) or _from_hub(name, None)


def _from_hub(repository: str, card: ModelCard | None) -> Path:
    """The hub's folder, from its cache or fetched; with `card`, its weights too."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HTTPError, LocalEntryNotFoundError

    at = None
    if card is not None:
        beside = weights.fetch(card).parent  # the hub's cache has a folder for each revision
        if (beside / "config.json").is_file():
            return beside
        at = beside.name
    else:
        with contextlib.suppress(LocalEntryNotFoundError, OSError, ValueError):
            found = Path(snapshot_download(repository, allow_patterns=SMALL_FILES, local_files_only=True))
            if (found / "config.json").is_file():
                return found
    where = _("model {repository}", repository=repository)
    if not weights.hub_reachable():
        accepted = _("connect to the network, put its folder below HEADSTART_MODELS, or choose a model marked 'here'")
        raise InputError(Problem(where, _("it is not on this machine and the hub cannot be reached"), accepted))
    try:
        found = Path(snapshot_download(repository, revision=at, allow_patterns=SMALL_FILES))
    except (HTTPError, OSError, ValueError) as error:
        accepted = _("accepted: the name of a model on the hub, such as openai-community/gpt2")
        raise InputError(
            Problem(where, _("the hub does not give it ({name})", name=type(error).__name__), accepted)
        ) from None
    if not (found / "config.json").is_file():
        raise InputError(Problem(where, _("it has no config.json"), _("accepted: a model that Transformers reads")))
    return found


def _from_package(card: ModelCard) -> Path:
    """The offline pack's folder. A GGUF file becomes safetensors: dequantised once (13 s), then read in 0.2 s."""
    source = weights.fetch(card)
    if source.suffix != ".gguf":
        return source.parent
    kept = paths.cache() / f"{card.name}-{weights.sha256(source)[:12]}"
    if (kept / "config.json").is_file():
        os.utime(kept)
        return kept
    partial = Path(tempfile.mkdtemp(dir=paths.cache(), suffix=".partial"))
    try:
        _dequantise(source, partial)
        if not kept.exists():
            partial.rename(kept)
    except OSError:
        if not (kept / "config.json").is_file():  # another worker may have been faster
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return kept


def _dequantise(source: Path, out: Path) -> None:
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        model = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name)
        tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    finally:
        if bars:
            logging.enable_progress_bar()
    tokenizer.save_pretrained(out)
    tied = {"lm_head.weight"} if model.config.tie_word_embeddings else set()
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items() if name not in tied}
    save_file(state, out / "model.safetensors", metadata={"format": "pt"})
    model.generation_config.save_pretrained(out)
    config = model.config.to_dict()
    for name in ("quantization_config", "_name_or_path", "_model_name_or_path"):
        config.pop(name, None)
    config["architectures"] = [type(model).__name__]
    (out / "config.json").write_text(json.dumps(config, indent=1, default=str), encoding="utf-8")
