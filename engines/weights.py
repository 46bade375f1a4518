"""Where pretrained weights come from: a prepared folder, the ordinary caches, the offline pack, then the hub.

Light: importing it imports no torch, and `where` touches no network for what is here.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.util
import json
import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from engines import paths
from engines.contract import InputError, ModelCard, Problem
from engines.environment import public
from engines.messages import _

HUB_PATIENCE_SECONDS = 2.0
FILE_NAMES = ("model.safetensors", "pytorch_model.bin")
COMPANIONS = {".json", ".txt", ".model", ".spm", ".jinja"}
"""Configuration and vocabulary that lie beside weights."""
LOCAL_NAMES = (*FILE_NAMES, "model.gguf", "weights.hdf5")
"""What a weight file may be called in a folder that a person made; hdf5 is ELMo's original release."""
_reached: tuple[float, bool] = (0.0, False)


class WeightsUnavailable(InputError):
    """The weights are not here and cannot be fetched."""


def where(card: ModelCard) -> Literal["here", "download", "unreachable"]:
    """Whether the weights are on this machine, or the hub could give them. Answers within two seconds."""
    if find(card) is not None:
        return "here"
    return "download" if (card.hub or card.torch_file) and hub_reachable() else "unreachable"


def find(card: ModelCard) -> Path | None:
    """The weight file on this machine, or None. Verifies nothing: `fetch` does."""
    return next(_candidates(card), None)


def _candidates(card: ModelCard) -> Iterator[Path]:
    if (prepared := paths.models()) is not None:
        yield from (p for p in (prepared / card.name / name for name in LOCAL_NAMES) if p.is_file())
    if "@" in card.name and (own := paths.brought() / card.name / FILE_NAMES[0]).is_file():
        yield own
    if card.hub:
        yield from _in_hub_cache(card.hub)
        # timm's and torchvision's files are called <name>-<first 8 digits of the SHA-256>.pth
        yield from _in_torch_cache(f"{card.name}-????????.pth")
    if card.torch_file:
        yield from _in_torch_cache(card.torch_file)
    if card.package and (spec := importlib.util.find_spec(card.package)) and spec.submodule_search_locations:
        root = Path(next(iter(spec.submodule_search_locations)))
        files = [p for p in root.rglob("*") if p.suffix in {".safetensors", ".pth", ".pt", ".bin", ".gguf", ".part1"}]
        yield from sorted(files, key=lambda path: (path.name not in FILE_NAMES, path))  # before a quantised copy


def _in_hub_cache(repository: str) -> Iterator[Path]:
    try:
        from huggingface_hub import constants
    except ModuleNotFoundError:  # a host that only shows recorded runs has no client of the hub
        return
    if not (Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}").is_dir():
        return  # before the rest of the client is imported: a tenth of what a server's first page costs
    from huggingface_hub import try_to_load_from_cache

    for name in FILE_NAMES:
        if isinstance(path := try_to_load_from_cache(repository, name), str):
            yield Path(path)


def _in_torch_cache(pattern: str) -> Iterator[Path]:
    home = os.environ.get("TORCH_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "torch"
    yield from sorted((Path(home) / "hub" / "checkpoints").glob(pattern))


def hub_reachable() -> bool:
    """Whether the hub answers within two seconds; asked at most once a minute. A public host never asks."""
    global _reached
    asked, answer = _reached
    if public():
        return False
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "TRUE", "YES", "ON"}:
        return False
    if time.monotonic() - asked > 60 or not asked:
        answer = _answers_in_time()
        _reached = (time.monotonic(), answer)
    return answer


def _answers_in_time() -> bool:
    """Asks as a download would, through the same proxies; in a thread, because its parts each have their own limit."""
    try:
        from huggingface_hub import constants
        from huggingface_hub.errors import HTTPError
        from huggingface_hub.utils import get_session
    except ModuleNotFoundError:
        return False
    answers: list[int] = []

    def ask() -> None:
        with contextlib.suppress(HTTPError, OSError):
            answers.append(get_session().head(constants.ENDPOINT, timeout=HUB_PATIENCE_SECONDS).status_code)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(HUB_PATIENCE_SECONDS)
    return bool(answers)


def fetch(card: ModelCard) -> Path:
    """The verified weight file, from this machine or from the hub.

    Raises WeightsUnavailable when it is not here and the hub cannot be reached or does not have it, and
    InputError when the file is not the one the catalogue names.
    """
    require(card)
    if path := find(card):
        return path
    path = _download(card) if card.hub else _download_by_torch(card)
    verify(path, card)
    return path


def require(card: ModelCard) -> None:
    """Raises what `fetch` raises of weights that are not here and cannot be had, or are not those of the catalogue."""
    if path := find(card):
        verify(path, card)
    elif not (card.hub or card.torch_file) or not hub_reachable():
        raise WeightsUnavailable(
            Problem(
                _("model {name}", name=card.name),
                _("its weights are not on this machine and the hub cannot be reached"),
                _("connect to the network, put them in the folder HEADSTART_MODELS, or choose a model marked 'here'"),
            )
        )


def _download_by_torch(card: ModelCard) -> Path:
    """Into torch's cache: torchvision's detectors by their names, whose files carry part of their digest, else
    torchaudio's. That one publishes no digest of what it downloads, so there is none to check."""
    try:
        if card.torch_file and card.torch_file.startswith(card.name):
            from torchvision.models import get_model_weights

            get_model_weights(card.name).DEFAULT.get_state_dict(progress=False, check_hash=True)
        else:
            import torchaudio

            bundle = getattr(torchaudio.pipelines, card.name.split("/")[-1])
            bundle.get_model(dl_kwargs={"progress": False, "map_location": "cpu", "weights_only": True})
    except (OSError, RuntimeError) as error:
        found = _("its server does not give it ({name})", name=type(error).__name__)
        raise WeightsUnavailable(Problem(_("model {name}", name=card.name), found, _("try again later"))) from error
    path = find(card)
    assert path is not None
    return path


def _download(card: ModelCard) -> Path:
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.errors import HTTPError, RemoteEntryNotFoundError

    assert card.hub
    for name in FILE_NAMES:
        try:
            published = get_hf_file_metadata(hf_hub_url(card.hub, name), timeout=10).etag
            path = Path(hf_hub_download(card.hub, name))
        except RemoteEntryNotFoundError:
            continue
        except (HTTPError, OSError) as error:
            raise WeightsUnavailable(
                Problem(
                    _("model {name}", name=card.name),
                    _("the hub does not give it ({name})", name=type(error).__name__),
                    _("try again later"),
                )
            ) from error
        if published and len(published) == 64 and sha256(path) != published:
            for file in {path, path.resolve()}:  # the cache's link, and the file it points to
                file.unlink()
            raise _not_the_file(path, card, _("a file with SHA-256 {published}…", published=published[:8]))
        return path
    raise WeightsUnavailable(
        Problem(
            _("model {name}", name=card.name),
            _("{hub} holds no weights", hub=card.hub),
            _("accepted: one of {file_names}", file_names=", ".join(FILE_NAMES)),
        )
    )


def verify(path: Path, card: ModelCard) -> None:
    """Raises InputError when the digest of the file is known and it is another.

    Known from the catalogue (offline pack), from source.json (a folder that `prefetch` made), or from the file's
    own name: the hub's cache names a file by its SHA-256, torch's by the first eight digits of it.
    """
    if (known := _published_digest(path, card)) and not sha256(path).startswith(known):
        raise _not_the_file(path, card, _("a file with SHA-256 {known}…", known=known[:8]))


def _published_digest(path: Path, card: ModelCard) -> str | None:
    if card.package and card.package.split(".")[-1] in path.parts:
        return card.sha256
    if (note := path.parent / "source.json").is_file():
        digest: str | None = json.loads(note.read_text(encoding="utf-8")).get("sha256")
        return digest
    if re.fullmatch(r"[0-9a-f]{64}", path.resolve().name):
        return path.resolve().name
    if match := re.search(r"-([0-9a-f]{8})\.pth$", path.name):
        return match[1]
    return None


def _not_the_file(path: Path, card: ModelCard, expected: str) -> InputError:
    return InputError(
        Problem(
            _("model {name}", name=card.name),
            _("{name} is damaged or not the published file", name=path.name),
            _("accepted: {expected}", expected=expected),
        )
    )


def parts(path: Path) -> list[Path]:
    """The files that make up a weight file, in order: one too large for a package comes as model.bin.part1 of a package
    …_part1 and model.bin.part2 of …_part2. Raises FileNotFoundError when the second is not there."""
    if path.suffix != ".part1":
        return [path]
    second = Path(str(path).replace("_part1", "_part2")).with_suffix(".part2")
    if not second.is_file():
        raise FileNotFoundError(second)
    return [path, second]


def sha256(path: Path) -> str:
    """Hex digest of a file; computed once for each size and time of change."""
    stat = path.stat()
    return _sha256(path, stat.st_size, stat.st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _sha256(path: Path, _size: int, _changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(path: Path) -> dict[str, Any]:
    """The tensors in a weight file. Pickles are read with `weights_only=True`, and only catalogue files come here."""
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    import torch

    state = torch.load(path, map_location="cpu", weights_only=True)
    return state.get("state_dict", state) if isinstance(state, dict) else state


def _fetch_companions(card: ModelCard, source: Path) -> None:
    """Puts configuration and vocabulary beside a weight file in the hub's cache, as far as the hub is to be reached.

    Raises WeightsUnavailable when it does not give them.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HTTPError

    revision = source.parent.name
    if not card.hub or source.parent.parent.name != "snapshots" or not hub_reachable():
        return
    try:
        snapshot_download(card.hub, revision=revision, allow_patterns=[f"*{ending}" for ending in sorted(COMPANIONS)])
    except (HTTPError, OSError, ValueError) as error:
        found = _("the hub does not give its configuration ({name})", name=type(error).__name__)
        raise WeightsUnavailable(Problem(_("model {name}", name=card.name), found, _("try again later"))) from error


def prefetch(cards: list[ModelCard], destination: Path) -> tuple[list[Path], list[Problem]]:
    """Copies the weights of `cards`, their configuration and vocabulary into a folder that serves as HEADSTART_MODELS
    elsewhere."""
    copied: list[Path] = []
    problems: list[Problem] = []
    for card in cards:
        try:
            source = fetch(card)
        except InputError as error:
            problems.extend(error.problems)
            continue
        kept_as = f"model{source.suffix}" if source.suffix in {".safetensors", ".gguf"} else FILE_NAMES[1]
        target = destination / card.name / kept_as
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            for part in parts(source):
                file.write(part.read_bytes())
        try:
            _fetch_companions(card, source)
        except WeightsUnavailable as error:
            problems.extend(error.problems)
        for beside in source.parent.iterdir():
            if beside.suffix in COMPANIONS and beside.name != "source.json":
                shutil.copyfile(beside, target.parent / beside.name)
        (target.parent / "source.json").write_text(
            json.dumps({"licence": card.licence, "source": card.source, "sha256": sha256(target)}, indent=2),
            encoding="utf-8",
        )
        copied.append(target)
    return copied, problems
