"""Where an ELMo comes from: the original release's two files, the small one carried here, or random weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from engines.contract import InputError, Problem
from engines.messages import _
from engines.text.models.elmo import Elmo, ElmoSizes
from engines.text.models.elmo_input import MAX_BYTES
from engines.training.devices import seed_everything

if TYPE_CHECKING:
    import h5py

SMALL = Path(__file__).parents[1] / "weights" / "elmo-small"
"""The language model that scripts/pretrain_elmo.py trained: options.json, model.safetensors (fp16) and its README."""


def build(*, pretrained: bool, seed: int = 0) -> Elmo:
    """The small ELMo carried here, or the same network with random weights drawn from `seed`."""
    seed_everything(seed, "weights")
    elmo = Elmo(sizes_from(json.loads((SMALL / "options.json").read_text(encoding="utf-8"))))
    if pretrained:
        from safetensors.torch import load_file

        state = load_file(SMALL / "model.safetensors")
        elmo.load_state_dict({name: tensor.float() for name, tensor in state.items()})
    return elmo


def from_release(options: Path, weights: Path) -> Elmo:
    """The network of an original release: options (JSON) and weights (HDF5), as bilm-tf's `dump_weights` wrote them.

    Raises InputError naming what is missing or has another shape. The mix, which is not in the files, starts even.
    """
    import h5py

    try:
        told = json.loads(options.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _wrong(options, _("it cannot be read as JSON"), _("the release's …_options.json")) from error
    elmo = Elmo(sizes_from(told, options.name))
    try:
        with h5py.File(weights, "r") as file, torch.no_grad():
            _copy(elmo, _Reader(file, weights))
    except OSError as error:
        raise _wrong(weights, _("it cannot be read as HDF5"), _("the release's …_weights.hdf5")) from error
    return elmo


def sizes_from(options: dict[str, Any], where: str = "options.json") -> ElmoSizes:
    """The sizes in a release's options. Raises InputError when one is missing or this network cannot be it."""
    try:
        letters, lstm = options["char_cnn"], options["lstm"]
        sizes = ElmoSizes(
            character_dim=int(letters["embedding"]["dim"]),
            filters=tuple((int(width), int(number)) for width, number in letters["filters"]),
            highways=int(letters.get("n_highway") or 0),
            activation=str(letters["activation"]),
            cells=int(lstm["dim"]),
            projection=int(lstm["projection_dim"]),
            layers=int(lstm.get("n_layers", 1)),
            cell_clip=lstm.get("cell_clip"),
            projection_clip=lstm.get("proj_clip"),
            skip=bool(lstm.get("use_skip_connections")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        found = _("{args} is missing", args=error.args[0]) if isinstance(error, KeyError) else _("it describes no ELMo")
        raise _wrong(Path(where), found, _("char_cnn and lstm as in the original release")) from error
    numbers = (sizes.character_dim, sizes.cells, sizes.projection, sizes.layers, *sum(sizes.filters, ()))
    if min(numbers) < 1 or not sizes.filters:
        raise _wrong(Path(where), _("a size is below 1"), _("sizes of 1 and more, and one filter at least"))
    if max(width for width, _ in sizes.filters) > MAX_BYTES:
        raise _wrong(
            Path(where),
            _("a filter is wider than a word"),
            _("filters over at most {max_bytes} characters", max_bytes=MAX_BYTES),
        )
    if sizes.activation not in {"relu", "tanh"}:
        raise _wrong(
            Path(where), _("the activation is unknown ({activation})", activation=sizes.activation), _("relu or tanh")
        )
    return sizes


def options_of(sizes: ElmoSizes) -> dict[str, Any]:
    """The release's options for these sizes: the inverse of `sizes_from`."""
    return {
        "char_cnn": {
            "activation": sizes.activation,
            "embedding": {"dim": sizes.character_dim},
            "filters": [list(pair) for pair in sizes.filters],
            "max_characters_per_token": 50,
            "n_characters": 262,
            "n_highway": sizes.highways,
        },
        "lstm": {
            "cell_clip": sizes.cell_clip,
            "dim": sizes.cells,
            "n_layers": sizes.layers,
            "proj_clip": sizes.projection_clip,
            "projection_dim": sizes.projection,
            "use_skip_connections": sizes.skip,
        },
    }


class _Reader:
    """Arrays of an open HDF5 file by name, checked against the shape that the options ask for."""

    def __init__(self, file: h5py.File, path: Path):
        self.file, self.path = file, path

    def __call__(self, name: str, *shape: int) -> Tensor:
        import h5py

        found = self.file.get(name)
        if not isinstance(found, h5py.Dataset):
            raise _wrong(self.path, _("{name} is missing", name=name), _("the weights that the options file describes"))
        if found.shape != shape:
            raise _wrong(
                self.path,
                _("{name} has the shape {shape}", name=name, shape=found.shape),
                _("{shape}, which the options file asks for", shape=shape),
            )
        return torch.from_numpy(found[...]).float()


def _copy(elmo: Elmo, read: _Reader) -> None:
    """TensorFlow multiplies x · W, PyTorch x · Wᵀ: every matrix is turned on its way."""
    sizes = elmo.sizes
    letters: Any = elmo.characters
    layers: list[Any] = list(elmo.lstm)
    letters.embedding.weight[1:].copy_(read("char_embed", 261, sizes.character_dim))
    for i, (width, number) in enumerate(sizes.filters):
        kernel = read(f"CNN/W_cnn_{i}", 1, width, sizes.character_dim, number)
        letters.convolutions[i].weight.copy_(kernel[0].permute(2, 1, 0))
        letters.convolutions[i].bias.copy_(read(f"CNN/b_cnn_{i}", number))
    found = sum(number for _, number in sizes.filters)
    for i, highway in enumerate(letters.highways):
        _linear(highway.transform, read, f"CNN_high_{i}/W_transform", f"CNN_high_{i}/b_transform")
        _linear(highway.gate, read, f"CNN_high_{i}/W_carry", f"CNN_high_{i}/b_carry")
    if found != sizes.projection:
        _linear(letters.projection, read, "CNN_proj/W_proj", "CNN_proj/b_proj")
    for i, layer in enumerate(layers):
        for direction in range(2):
            cell = f"RNN_{direction}/RNN/MultiRNNCell/Cell{i}/LSTMCell"
            kernel = _our_gates(read(f"{cell}/W_0", 2 * sizes.projection, 4 * sizes.cells))
            bias = _our_gates(read(f"{cell}/B", 4 * sizes.cells))
            bias[sizes.cells : 2 * sizes.cells] += 1  # TensorFlow adds the 1 of the forget gate as it runs
            layer.inputs[direction].weight.copy_(kernel[: sizes.projection].T)
            layer.inputs[direction].bias.copy_(bias)
            layer.recurrent[direction].copy_(kernel[sizes.projection :])
            layer.projection[direction].copy_(read(f"{cell}/W_P_0", sizes.cells, sizes.projection))


def _linear(linear: nn.Linear, read: _Reader, weight: str, bias: str) -> None:
    linear.weight.copy_(read(weight, linear.in_features, linear.out_features).T)
    linear.bias.copy_(read(bias, linear.out_features))


def _our_gates(packed: Tensor) -> Tensor:
    """From TensorFlow's order of gates (input, new content, forget, output) to ours (input, forget, output, new)."""
    admit, new, keep, show = packed.chunk(4, -1)
    return torch.cat([admit, keep, show, new], -1)


def _wrong(path: Path, found: str, accepted: str) -> InputError:
    return InputError(Problem(path.name, found, _("accepted: {accepted}", accepted=accepted)))
