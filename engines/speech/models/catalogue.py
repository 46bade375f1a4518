"""The speech models we know by heart. Light: the numbers were measured by scripts/measure_speech_catalogue.py."""

from __future__ import annotations

import re
from pathlib import Path

from engines import weights
from engines.contract import Catalogue, InputError, ModelCard, Problem
from engines.messages import _

FILE = Path(__file__).with_name("catalogue.json")
DEFAULT = "whisper-tiny.en"
_KNOWN = Catalogue(FILE)
cards, find = _KNOWN.cards, _KNOWN.find


def describe(name: str) -> ModelCard:
    """The card of a Whisper or CTC model by its name on the hub ('owner/name'), of one in HEADSTART_MODELS, or of
    one of torchaudio's pipelines ('torchaudio/NAME').

    Raises InputError when its config.json is not to be had or names another kind of model.
    """
    from engines.speech.models import card_from_config, torchaudio_bundles

    if (known := find(name)) is not None:
        return known
    listed = ", ".join(card.name for card in cards())
    accepted = _(
        "accepted: {listed}, or a Whisper or CTC model of the hub as owner/name, or torchaudio/NAME", listed=listed
    )
    if not re.fullmatch(r"[\w.-]{1,96}(/[\w.-]{1,96})?", name):
        raise InputError(Problem(_("model {name}", name=name[:80]), _("this is no name of a model"), accepted))
    if name.startswith(torchaudio_bundles.OWNER):
        return torchaudio_bundles.card(name)
    folder = _config_folder(name)
    if folder is None:
        raise InputError(
            Problem(_("model {name}", name=name), _("it is not here, and the hub does not give it"), accepted)
        )
    try:
        return card_from_config.card_of(name, folder, hub=name if "/" in name else None)
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise InputError(
            Problem(_("model {name}", name=name), _("it is no Whisper and no CTC model"), accepted)
        ) from error


def _config_folder(name: str) -> Path | None:
    """Where the model's config.json lies, fetched from the hub if need be; None where there is none."""
    from engines import paths

    if (prepared := paths.models()) is not None and (prepared / name / "config.json").is_file():
        return prepared / name
    if "/" not in name:
        return None
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import HTTPError

    found = try_to_load_from_cache(name, "config.json")
    if isinstance(found, str):
        return Path(found).parent
    if not weights.hub_reachable():
        return None
    try:
        return Path(hf_hub_download(name, "config.json")).parent
    except (HTTPError, OSError, ValueError):
        return None
