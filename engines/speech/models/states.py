"""Sequences as a speech model's stages hand them on, and the examples that the training loop draws from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from engines.contract import Run
from engines.messages import _
from engines.training import array_cache
from engines.training.card import room
from engines.training.devices import derived_seed, filed_under, frozen_part
from engines.training.examples import Pace
from engines.training.staged import Staged

IGNORED = -100
"""A target that the loss passes over: padding, and what the decoder was told rather than asked."""
STATE_SECONDS = 0.02
"""Between two states of an encoder, Whisper's as well as those with a CTC head."""
IN_MEMORY = 2 << 30  # bytes; more stays on disk, mapped
HEARD_BYTES = 1 << 30
"""Inputs that are kept once they were made: a thousand half minutes of Whisper's."""
AT_ONCE = 8
"""Clips that are listened to in one call of the network."""


@dataclass(frozen=True)
class Transcript:
    """What was heard in a clip."""

    text: str
    sure: float
    """The mean log-probability of what was written: of each token, or of CTC the letter at each moment."""


@dataclass(frozen=True)
class EncoderStates:
    """A batch on its way through the network."""

    states: list[Tensor]
    """float (T, D) each: the input of a stage. Clips are not padded to each other's length: a clip's answer does not
    depend on its neighbours."""
    spelt: Tensor
    """int64 (B, L): what the decoder reads; a CTC model has none and gets (B, 0)."""

    def to(self, device: torch.device) -> EncoderStates:
        return EncoderStates([state.to(device) for state in self.states], self.spelt.to(device))

    def together(self, layer: Callable[[Tensor], Tensor]) -> EncoderStates:
        """All clips through a layer at once where they are of one length, else one by one: (B, T, D) to (B, T2, D2)."""
        if len({state.shape for state in self.states}) == 1:
            return replace(self, states=list(layer(torch.stack(self.states))))
        return replace(self, states=[layer(state[None])[0] for state in self.states])


@dataclass(frozen=True)
class Variation:
    """How clips are varied while they are learnt from."""

    name: str
    """Empty where nothing is varied."""
    waveform: Callable[[np.ndarray, torch.Generator], np.ndarray] | None = None
    features: Callable[[Tensor, torch.Generator], Tensor] | None = None


PLAIN = Variation("")


@dataclass(frozen=True)
class Answers:
    """What a recogniser should answer, clip by clip."""

    ids: Tensor
    """int64 (B, L), padded with IGNORED."""
    lengths: Tensor
    """int64 (B,): tokens that each is asked for, always on the processor: CTC's loss would fetch them from a card."""

    @classmethod
    def of(cls, ids: Tensor) -> Answers:
        """Counts what is asked for."""
        return cls(ids, (ids != IGNORED).sum(1).cpu())

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, indices: Tensor) -> Answers:
        return Answers(self.ids[indices], self.lengths[indices])

    def to(self, device: torch.device) -> Answers:
        return Answers(self.ids.to(device), self.lengths)


@dataclass
class Spelt:
    """What the decoder reads and what it should answer, for each example."""

    reads: list[list[int]]
    answers: list[list[int]]

    def batch(self, indices: Tensor) -> Tensor:
        """int64 (B, L), padded with 0: a causal decoder does not look at what follows."""
        return pad_sequence([torch.tensor(self.reads[i], dtype=torch.int64) for i in indices.tolist()], True)

    def targets(self, indices: Tensor) -> Answers:
        rows = [torch.tensor(self.answers[i], dtype=torch.int64) for i in indices.tolist()]
        return Answers.of(pad_sequence(rows, True, IGNORED))

    def weight(self, indices: Tensor) -> float:
        return float(sum(sum(token != IGNORED for token in self.answers[i]) for i in indices.tolist()))

    def subset(self, chosen: Sequence[int]) -> Spelt:
        return Spelt([self.reads[i] for i in chosen], [self.answers[i] for i in chosen])


@dataclass
class Spoken:
    """Examples before the network: samples, and what is said in them. See `training.examples.Examples`."""

    samples: list[np.ndarray]
    """float32 (N,) each, at 16 kHz."""
    spelt: Spelt
    hear: Callable[[np.ndarray], Tensor]
    """samples (N,) -> the network's input (T, D)."""
    frames: Callable[[int], int]
    """How many states the network makes of so many samples; no variation changes that behind a boundary."""
    width: int
    """Of each state."""
    identity: str
    vary: Variation = PLAIN
    lengths: Tensor | None = None
    _heard: dict[int, Tensor] = field(default_factory=dict, init=False, repr=False)
    """Inputs of clips as they are, by their positions: made once, while they are few."""

    @property
    def variation(self) -> str:
        return self.vary.name

    @property
    def made_slowly(self) -> bool:
        """Whether clips sound different each time, so that nothing of them can be kept."""
        return self.vary.waveform is not None

    def __len__(self) -> int:
        return len(self.samples)

    def targets(self, indices: Tensor) -> Answers:
        return self.spelt.targets(indices)

    def weight(self, indices: Tensor) -> float:
        return self.spelt.weight(indices)

    def heard(self, position: int) -> Tensor:
        """A clip as it is, as the network's input. Not to be changed in place."""
        found = self._heard.get(position)
        if found is None:
            found = self.hear(self.samples[position])
            if len(self._heard) * found.nbytes < HEARD_BYTES:
                self._heard[position] = found
        return found

    def plain(self, indices: Tensor) -> EncoderStates:
        return EncoderStates([self.heard(i) for i in indices.tolist()], self.spelt.batch(indices))

    def varied(self, indices: Tensor, generator: torch.Generator) -> EncoderStates:
        states = []
        for i in indices.tolist():
            vary = self.vary.waveform
            state = self.hear(vary(self.samples[i], generator)) if vary else self.heard(i)
            states.append(self.vary.features(state, generator) if self.vary.features else state)
        return EncoderStates(states, self.spelt.batch(indices))

    def subset(self, chosen: Tensor) -> Spoken:
        kept = chosen.tolist()
        digest = hashlib.sha256(repr((self.identity, kept)).encode()).hexdigest()
        return replace(self, samples=[self.samples[i] for i in kept], spelt=self.spelt.subset(kept), identity=digest)


@dataclass
class Behind:
    """Examples behind the frozen part of the network: the states at the boundary, a few variants of each."""

    states: Tensor
    """float32 (S, D): every state of every variant, one after another; on disk where it is much."""
    starts: list[int]
    """Where each one begins, variant by variant; one entry more than there are."""
    spelt: Spelt
    identity: str
    variation: str = ""
    lengths: Tensor | None = field(default=None)

    def __len__(self) -> int:
        return len(self.spelt.answers)

    def targets(self, indices: Tensor) -> Answers:
        return self.spelt.targets(indices)

    def weight(self, indices: Tensor) -> float:
        return self.spelt.weight(indices)

    def state(self, position: int) -> Tensor:
        return self.states[self.starts[position] : self.starts[position + 1]]

    @property
    def card_bytes(self) -> int:
        return self.states.nbytes

    @property
    def may_halve(self) -> bool:
        return False

    def on_card(self, device: torch.device, *, half: bool = False) -> Behind:
        del half
        return replace(self, states=room.brought(self.states, device))

    def plain(self, indices: Tensor) -> EncoderStates:
        return EncoderStates([self.state(i) for i in indices.tolist()], self.spelt.batch(indices))

    def varied(self, indices: Tensor, generator: torch.Generator) -> EncoderStates:
        views = torch.randint((len(self.starts) - 1) // len(self), indices.shape, generator=generator)
        return EncoderStates([self.state(i) for i in (indices + views * len(self)).tolist()], self.spelt.batch(indices))


def behind(
    network: Staged, examples: Spoken, *, weights: str, views: int, run: Run, device: torch.device, unit: str
) -> Behind:
    """The examples as seen from `network.boundary`: computed once, kept on disk for every later run. Raises Cancelled.

    `weights` names the pretrained weights below the boundary.
    """
    views = views if examples.variation else 1
    varied = examples.variation if views > 1 else ""
    name = array_cache.key("speech", weights, network.boundary, examples.identity, views, varied, *filed_under(device))
    n, network = len(examples), network.eval()
    of = f"{n:,} {unit}" + (_(", {views} views each", views=views) if views > 1 else "")
    title = _("What the frozen part hears in {of}", of=of)

    def compute(view: int, indices: Tensor, generator: torch.Generator) -> list[Tensor]:
        run.check_cancelled()
        inputs = examples.varied(indices, generator) if view else examples.plain(indices)
        with torch.no_grad(), frozen_part(device):
            return [s.float().cpu() for s in network.run(inputs.to(device), 0, network.boundary).states]

    lengths = [examples.frames(len(samples)) for samples in examples.samples] * views
    starts = [0, *np.cumsum(lengths).tolist()]

    def fill(target: np.ndarray) -> None:
        run.emit("phase", name="caching", title=title)
        clock = Pace(n * views, unit)
        generator = torch.Generator().manual_seed(derived_seed("views", examples.variation))
        for view in range(views):
            for indices in torch.arange(n).split(AT_ONCE):
                for i, state in zip(indices.tolist(), compute(view, indices, generator), strict=True):
                    target[starts[view * n + i] : starts[view * n + i + 1]] = state.numpy()
                clock.step(len(indices), lambda **numbers: run.emit("progress", phase="caching", **numbers))

    array, found = array_cache.array(name, (starts[-1], examples.width), np.dtype("float32"), fill)
    if found:
        run.emit("phase", name="caching", title=_("{title}: known from an earlier run", title=title), known=True)
    tensor = torch.from_numpy(np.array(array) if array.nbytes < IN_MEMORY else array)
    return Behind(tensor, starts, examples.spelt, name, varied)
