"""The frozen part of a network through ONNX Runtime, which on processors is up to twice as fast as PyTorch.

Preparing it takes some seconds, once for a model on a machine, so it is for much work; and it is used only where its
numbers agree with PyTorch's. One picture at a time goes through one thread, so that an example's numbers do not depend
on its neighbours or on how many threads there are.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import tempfile
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from engines import paths
from engines.contract import Run
from engines.messages import _
from engines.training import array_cache
from engines.training.staged import Staged

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

FEWEST_PASSES = 2000
"""With 'auto', from so many forward passes on. EfficientNet-Lite0 takes 6 s to prepare and then saves 4 ms a pass."""
TOLERANCE = 1e-5
"""The largest difference from PyTorch's activations that is taken, relative to the largest of these."""

Forward = Callable[[Tensor], np.ndarray]
"""inputs float32 (B, …) on the CPU -> the activations at the boundary, float32 (B, …)."""


def engine(setting: str, passes: int, device: torch.device) -> str:
    """'onnx' or 'torch' for a setting of 'auto', 'onnx' or 'torch'.

    It hangs on the amount of work alone, so that a run repeated on the same machine gets the same numbers.
    """
    if device.type != "cpu" or setting == "torch":
        return "torch"
    return "onnx" if setting == "onnx" or passes >= FEWEST_PASSES else "torch"


def forward(network: Staged, inputs: Tensor, *, weights: str, run: Run) -> Forward | None:
    """The stages below `network.boundary` through ONNX Runtime, or None where it cannot, with a note that says why.

    inputs: float32 (B, …), some examples to compare its numbers on with PyTorch's. `weights` names the pretrained
    weights: what was prepared for them before is used again.
    """
    path = _path(network, inputs, weights)
    try:
        if not path.exists():
            run.emit("phase", name="caching", title=_("Preparing the frozen part for ONNX Runtime"))
            run.check_cancelled()
            _write(network, inputs[:1], path)
        through = _opened(path)
        if (error := largest_difference(network, inputs, through)) <= TOLERANCE:
            return through
        why = _("its numbers differ by {error:.0e}", error=error)
    except torch.onnx.OnnxExporterError:
        why = _("the network cannot be written as ONNX")
    except Exception as reason:  # onnxruntime raises a kind of its own for each thing that it lacks
        if type(reason).__module__.partition(".")[0] != "onnxruntime":
            raise
        path.unlink(missing_ok=True)
        why = _("ONNX Runtime cannot run it")
    run.emit("note", message=_("The frozen part runs through PyTorch, not ONNX Runtime: {why}.", why=why))
    return None


class Later:
    """The same for whoever answers one question at a time and cannot wait: PyTorch answers until another process, of
    low priority, has written the network for ONNX Runtime. One that was written before answers from the start."""

    def __init__(self, build: Callable[[], Staged], network: Staged, inputs: Tensor, *, weights: str):
        """`build` makes the network anew, in the other process; `network` is the same, here. inputs: as of `forward`,
        which shows what `weights` is too."""
        self._build, self.network, self._inputs = build, network, inputs
        self._path = _path(network, inputs, weights)
        self._through: Forward | None = None
        self._began = self._path.exists()
        if self._began:
            self._take()

    def __call__(self, inputs: Tensor) -> np.ndarray:
        """inputs float32 (B, …) on the CPU -> the activations at the boundary, float32 (B, …)."""
        if through := self._through:
            return through(inputs)
        with torch.no_grad():
            found: np.ndarray = self.network.run(inputs, 0, self.network.boundary).numpy()
        return found

    @property
    def at_once(self) -> bool:
        """Whether ONNX Runtime answers now."""
        return self._through is not None

    def begin(self) -> threading.Thread | None:
        """Has it written, once; the thread that waits for it. The file is found by the next process too."""
        if self._began:
            return None
        self._began = True
        waiting = threading.Thread(target=self._write, daemon=True)
        waiting.start()
        return waiting

    def _write(self) -> None:
        arguments = self._build, self.network.boundary, self._inputs[:1], self._path
        # spawned: the exporter swaps a module's weights while it looks, and holds Python's lock for seconds
        child = multiprocessing.get_context("spawn").Process(target=_write_quietly, args=arguments, daemon=True)
        child.start()
        child.join()
        if self._path.exists():
            self._take()

    def _take(self) -> None:
        """Only with PyTorch's own numbers; else PyTorch goes on."""
        try:
            through = _opened(self._path)
            if largest_difference(self.network, self._inputs, through) <= TOLERANCE:
                self._through = through
        except Exception as reason:  # onnxruntime raises a kind of its own for each thing that it lacks
            if type(reason).__module__.partition(".")[0] != "onnxruntime":
                raise
            self._path.unlink(missing_ok=True)


def largest_difference(network: Staged, inputs: Tensor, through: Forward) -> float:
    """Of ONNX Runtime's activations from PyTorch's, relative to the largest of these."""
    with torch.no_grad():
        expected = network.run(inputs, 0, network.boundary).numpy()
    return float(np.abs(through(inputs) - expected).max() / max(np.abs(expected).max(), 1e-12))


def _path(network: Staged, inputs: Tensor, weights: str) -> Path:
    """Where the network lies, or will lie, as ONNX."""
    import onnxruntime

    return paths.cache() / f"{_name(network, inputs, weights, onnxruntime.__version__)}.onnx"


def _opened(path: Path) -> Forward:
    import onnxruntime

    os.utime(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return _in_threads(onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]))


def _write_quietly(build: Callable[[], Staged], boundary: int, example: Tensor, path: Path) -> None:
    """In a process of its own. Where the network cannot be written there is no file, and PyTorch goes on."""
    if hasattr(os, "nice"):
        os.nice(5)
    network = build().eval()
    network.boundary = boundary
    with contextlib.suppress(torch.onnx.OnnxExporterError):
        _write(network, example, path)


def _in_threads(session: InferenceSession) -> Forward:
    def one(example: np.ndarray) -> np.ndarray:
        return np.asarray(session.run(None, {"input": example[None]})[0])

    def through(inputs: Tensor) -> np.ndarray:
        examples = inputs.contiguous().numpy()
        if torch.get_num_threads() == 1:
            return np.concatenate([one(example) for example in examples])
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            return np.concatenate(list(pool.map(one, examples)))

    return through


def _write(network: Staged, example: Tensor, path: Path) -> None:
    """Writes the frozen stages for one example (1, …) at a time."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # of torch's exporter, about itself
        program = torch.onnx.export(
            _Below(network).eval(), (example.contiguous(),), input_names=["input"], dynamo=True, verbose=False
        )
    assert program is not None
    handle, partial = tempfile.mkstemp(dir=path.parent, suffix=".partial")
    os.close(handle)
    try:
        program.save(partial)
        Path(partial).replace(path)
    finally:
        Path(partial).unlink(missing_ok=True)


class _Below(nn.Module):
    """What lies below the boundary, as a module of its own."""

    def __init__(self, network: Staged):
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        below: Tensor = self.network.run(x, 0, self.network.boundary)
        return below


def _name(network: Staged, inputs: Tensor, weights: str, version: str) -> str:
    return array_cache.key(
        "frozen part",
        weights,
        network.boundary,
        tuple(inputs.shape[1:]),
        torch.__version__,
        version,
        *(["pooled"] if network.ends_early else []),
    )
