"""A trained network as one ONNX file, handed out only when it answers as the network itself does."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn
from torch.onnx import OnnxExporterError

from engines import runs
from engines.contract import InputError
from engines.messages import _

TOLERANCE = 1e-4
"""Largest difference of a number that comes out, relative to the largest one where that is above 1."""
INSTEAD = _("accepted: the format safetensors, which keeps any model")

Inputs = Mapping[str, Tensor]
"""What a network reads, by the names that the ONNX file gives it, in the order in which the network takes it."""


def write(
    model: nn.Module,
    example: Inputs,
    path: Path,
    run: Path,
    *,
    sizes: Sequence[Mapping[int, Any]],
    output: str = "logits",
) -> None:
    """Writes `path`: the inputs -> `output` (N, C). Raises InputError.

    `sizes`: of each input the dimensions of any size, as `torch.export.Dim`. `run` is what a refusal names.
    """
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")  # of torch's exporter, about itself
            program = torch.onnx.export(
                model,
                tuple(each.contiguous() for each in example.values()),
                input_names=list(example),
                output_names=[output],
                dynamic_shapes=tuple(dict(own) for own in sizes),
                dynamo=True,
                verbose=False,
            )
    except OnnxExporterError as error:
        raise refusal(run, _("its layers cannot be written as ONNX")) from error
    assert program is not None
    for node in program.model.graph:
        node.metadata_props.clear()  # where in whose folders the code lay
    program.save(path)


def largest_difference(
    model: Callable[..., Tensor],
    batches: Sequence[Inputs],
    path: Path,
    run: Path,
    *,
    output: str = "logits",
    accepted: str = INSTEAD,
) -> float:
    """Between torch's and onnxruntime's answers on batches of several sizes. Raises InputError where they disagree.

    Of logits the largest has to be the same one, too. `accepted` is what a refusal offers instead.
    """
    what = output.removesuffix("s")
    worst = 0.0
    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        for batch in batches:
            with torch.no_grad():
                expected = model(*batch.values()).numpy()
            given = {name: each.contiguous().numpy() for name, each in batch.items()}
            answer = np.asarray(session.run([output], given)[0])
            error = float(np.abs(answer - expected).max())
            same = output != "logits" or (answer.argmax(1) == expected.argmax(1)).all()
            if not same or not error <= TOLERANCE * max(1.0, float(np.abs(expected).max())):
                found = _(
                    "its ONNX version answers otherwise than the model (a {what} differs by {error:.1g})",
                    what=what,
                    error=error,
                )
                raise refusal(run, found, accepted)
            worst = max(worst, error)
    except Exception as reason:  # onnxruntime raises a kind of its own for each thing that it lacks
        if type(reason).__module__.partition(".")[0] != "onnxruntime":
            raise
        raise refusal(run, _("ONNX Runtime cannot run its ONNX version"), accepted) from reason
    return worst


def load_lines(file: str) -> str:
    """For a model card: how the file is opened."""
    return f'import onnxruntime\nsession = onnxruntime.InferenceSession("{file}")'


def refusal(run: Path, found: str, accepted: str = INSTEAD) -> InputError:
    return runs.refusal(run, found, accepted)
