"""ELMo: a word read letter by letter, then by a two-way language model, and its layers mixed.

Peters et al. 2018, "Deep contextualized word representations", arXiv 1802.05365. The layer sizes, the clipping and the
order of things are those of the authors' own programs (bilm-tf and AllenNLP), so that their weights give their numbers.
An exported classifier carries this file along.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from engines.text.models.elmo_input import CHARACTERS, Spelling, length_of, spelling


@dataclass(frozen=True)
class ElmoSizes:
    """What the release's options JSON says about the network."""

    character_dim: int
    filters: tuple[tuple[int, int], ...]
    """(width in characters, how many) of each convolution."""
    highways: int
    activation: str
    """"relu" or "tanh", after the convolutions."""
    cells: int
    """Memory cells of an LSTM, in each direction."""
    projection: int
    """What an LSTM hands on at each word, in each direction: P."""
    layers: int = 2
    cell_clip: float | None = None
    projection_clip: float | None = None
    skip: bool = True
    """From the second layer on, a layer's input is added to its output."""


class CharacterCnn(nn.Module):
    """A word's vector from its letters: no word is unknown (section 3.2; Kim et al. 2016)."""

    def __init__(self, sizes: ElmoSizes):
        super().__init__()
        found = sum(number for _, number in sizes.filters)
        self.embedding = nn.Embedding(CHARACTERS, sizes.character_dim, padding_idx=0)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(sizes.character_dim, number, width) for width, number in sizes.filters
        )
        self.activation = torch.tanh if sizes.activation == "tanh" else torch.relu
        self.highways = nn.ModuleList(Highway(found) for _ in range(sizes.highways))
        self.projection: nn.Module = nn.Linear(found, sizes.projection) if found != sizes.projection else nn.Identity()
        self.widest = max(width for width, _ in sizes.filters)

    def forward(self, ids: Tensor, longest: int | None = None) -> Tensor:
        """(N, P) from the character ids of N words, int64 (N, 50), of `longest` places at most; None: it asks.

        Without the places where every word has ended, save as many as the widest filter covers: windows that lie
        wholly behind a word all give the same number, and one of them is enough for the maximum.
        """
        longest = length_of(ids) if longest is None else longest
        x = self.embedding(ids[:, : longest + self.widest]).transpose(1, 2)  # (N, character_dim, places)
        # The maximum first, then the (rising) activation: the same numbers for a fraction of the work.
        found = [self.activation(convolve(x).amax(-1)) for convolve in self.convolutions]
        x = torch.cat(found, -1)  # (N, filters)
        for highway in self.highways:
            x = highway(x)
        return self.projection(x)


class Highway(nn.Module):
    """Each number is carried on, or transformed, as a gate decides (Srivastava et al. 2015)."""

    def __init__(self, size: int):
        super().__init__()
        self.transform = nn.Linear(size, size)
        self.gate = nn.Linear(size, size)

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.sigmoid(self.gate(x))
        return gate * torch.relu(self.transform(x)) + (1 - gate) * x


class TwoWayLstm(nn.Module):
    """Two LSTMs with projection, one from each end, that never see each other (Sak et al. 2014; bilm-tf's LSTMCell).

    A loop over words rather than `nn.LSTM`, which cannot clip the memory at every step as the release's weights are
    used to. What the inputs add to the gates is computed for all words at once, and both directions step together.
    (docs/text_elmo.md says what that costs.) Low-rank adapters find `inputs`; the recurrent matrices are not adapted.
    """

    def __init__(self, sizes: ElmoSizes):
        super().__init__()
        self.inputs = nn.ModuleList(nn.Linear(sizes.projection, 4 * sizes.cells) for _ in range(2))
        self.recurrent = nn.Parameter(torch.empty(2, sizes.projection, 4 * sizes.cells))
        self.projection = nn.Parameter(torch.empty(2, sizes.cells, sizes.projection))
        self.cells, self.cell_clip, self.projection_clip = sizes.cells, sizes.cell_clip, sizes.projection_clip

    def forward(self, x: Tensor, backwards: Tensor) -> Tensor:
        """Outputs (2, B, T, P) of inputs (2, B, T, P): forward first. `backwards` int64 (B, T) turns a text around."""
        x = torch.stack([x[0], _turned(x[1], backwards)]).transpose(1, 2)  # (2, T, B, P)
        from_inputs = torch.stack(
            [linear(part) for linear, part in zip(self.inputs, x, strict=True)], 1
        )  # (T, 2, B, 4C)
        recurrent, projection = self.recurrent.to(from_inputs.dtype), self.projection.to(from_inputs.dtype)
        batch = from_inputs.shape[2]
        out = from_inputs.new_zeros(2, batch, projection.shape[-1])
        memory = x.new_zeros(2, batch, self.cells, dtype=torch.float32)
        outputs = []
        for at_word in from_inputs.unbind():
            gates = torch.baddbmm(at_word, out, recurrent)  # (2, B, 4C): input, forget, output, new content
            opening, new = gates.split([3 * self.cells, self.cells], -1)
            admit, keep, show = torch.sigmoid(opening).chunk(3, -1)
            memory = keep * memory + admit * torch.tanh(new)
            if self.cell_clip:
                memory = memory.clamp(-self.cell_clip, self.cell_clip)
            out = torch.bmm((show * torch.tanh(memory)).to(projection.dtype), projection)
            if self.projection_clip:
                out = out.clamp(-self.projection_clip, self.projection_clip)
            outputs.append(out)
        y = torch.stack(outputs, 2)  # (2, B, T, P)
        return torch.stack([y[0], _turned(y[1], backwards)])


def _turned(x: Tensor, backwards: Tensor) -> Tensor:
    """(B, T, P) with the words of each text in the opposite order, the padding where it was. Twice is once."""
    return x.gather(1, backwards.unsqueeze(-1).expand_as(x))


class LayerMix(nn.Module):
    """γ · Σ sⱼ · layerⱼ with s = softmax(w): equation 1. With three layers, four numbers that a task learns."""

    def __init__(self, layers: int):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(layers))
        self.gamma = nn.Parameter(torch.ones(()))

    def forward(self, layers: Tensor) -> Tensor:
        """(…, 2P) from (…, layers, 2P)."""
        return self.gamma * torch.einsum("...ld,l->...d", layers, self.w.softmax(0))


class Elmo(nn.Module):
    """The whole network. `encoders.elmo_stages` cuts it; between stages walks one tensor, the *state*:

    float (B, T + 2, 1 + P + 2P · done): whether the place is in use (1 or 0), the letters' layer, and each LSTM
    layer's forward and backward outputs so far; T + 2 because the begin and the end of the sentence have places.
    """

    def __init__(self, sizes: ElmoSizes):
        super().__init__()
        self.sizes = sizes
        self.characters = CharacterCnn(sizes)
        self.lstm = nn.ModuleList(TwoWayLstm(sizes) for _ in range(sizes.layers))
        self.mix: nn.Module = LayerMix(sizes.layers + 1)
        self.ends_early = False
        initialise(self)

    def end_early(self, depth: int) -> None:
        """Leaves the first `depth` stages, in place, without the mix: the last of them gives a text's vector."""
        self.lstm = nn.ModuleList(list(self.lstm)[: depth - 1])
        self.mix, self.ends_early = nn.Identity(), True

    @property
    def dimension(self) -> int:
        """Of a word's or a text's vector: 2P."""
        return 2 * self.sizes.projection

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """A vector for each word, (B, T, 2P), and which places hold one, bool (B, T), from ids int64 (B, T, 50)."""
        layers, mask = self.layers(ids)
        return self.mix(layers), mask

    def layers(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """All layers of each word, (B, T, layers + 1, 2P), zero where there is none, and the mask bool (B, T)."""
        return self.word_layers(self.state(ids))

    def state(self, ids: Tensor) -> Tensor:
        """The last state, from ids int64 (B, T, 50)."""
        state = self.spell(ids)
        for layer in range(len(self.lstm)):
            state = self.contextualise(state, layer)
        return state

    def spell(self, ids: Tensor, found: Spelling | None = None) -> Tensor:
        """State after the first stage, from ids int64 (B, T, 50), of which `found` is known already. Each different
        word of the batch is read once."""
        found = spelling(ids) if found is None else found
        vectors = self.characters(found.kinds, found.longest)[found.which]
        return placed(vectors, found.places, ids.shape[0], ids.shape[1] + 2)

    def contextualise(self, state: Tensor, layer: int) -> Tensor:
        """State with the outputs of LSTM `layer` (from 0) added."""
        in_use = state[..., :1]
        below = state[..., 1 + self._offset(layer - 1) :] if layer else state[..., 1:]
        forward, backward = below.chunk(2, -1) if layer else (below, below)
        x = torch.stack([forward, backward])  # (2, B, T + 2, P)
        y = self.lstm[layer](x, _backwards(in_use.squeeze(-1) > 0.5))
        if layer and self.sizes.skip:
            y = y + x
        return torch.cat([state, torch.cat([y[0], y[1]], -1) * in_use], -1)

    def _offset(self, layer: int) -> int:
        """Where the outputs of LSTM `layer` begin, behind the mask."""
        return self.sizes.projection * (1 + 2 * layer)

    def word_layers(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """The last state as (B, T, layers + 1, 2P), without the sentence's begin and end, and the mask bool (B, T)."""
        mask = state[:, 2:, 0] > 0.5  # a place holds a word when the place after it is still in use
        spelled = state[:, 1:-1, 1 : 1 + self.sizes.projection]
        contextual = state[:, 1:-1, 1 + self.sizes.projection :]
        layers = torch.cat([spelled, spelled, contextual], -1).unflatten(-1, (-1, self.dimension))
        return layers * mask[..., None, None], mask

    def pool(self, state: Tensor) -> Tensor:
        """Each layer's mean over a text's words, (B, layers + 1, 2P); zero for a text without words."""
        layers, mask = self.word_layers(state)
        return layers.sum(1) / mask.sum(1).clamp(min=1)[:, None, None]


class ElmoForSequenceClassification(nn.Module):
    """ELMo and a linear layer on the mean of a text's words, each a learnt mix of the network's layers."""

    def __init__(self, elmo: Elmo, outputs: int, depth: int = 0):
        """With `depth`, the mean is of what so many of the network's stages see, and nothing is mixed."""
        super().__init__()
        self.elmo = elmo
        self.classifier = nn.Linear(elmo.dimension, outputs)
        if 0 < depth < elmo.sizes.layers + 2:  # letters, LSTMs, mix
            elmo.end_early(depth)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits (B, C) of texts that fit into one window each, int64 (B, T, 50).

        Pooling comes before mixing: both are sums, the order is free.
        """
        pooled = self.elmo.pool(self.elmo.state(ids))
        logits: Tensor = self.classifier(pooled[:, -1] if self.elmo.ends_early else self.elmo.mix(pooled))
        return logits


def placed(vectors: Tensor, places: Tensor, texts: int, length: int) -> Tensor:
    """The state (texts, length, 1 + P) that holds these vectors, (S, P), at `places`, int64 (S,), among all."""
    state = vectors.new_zeros(texts * length, 1 + vectors.shape[-1])
    return state.index_copy(0, places, functional.pad(vectors, (1, 0), value=1.0)).unflatten(0, (texts, length))


def _backwards(mask: Tensor) -> Tensor:
    """int64 (B, T): where each place of the turned text comes from; padding stays. `mask` bool (B, T)."""
    lengths = mask.sum(1, keepdim=True)
    places = torch.arange(mask.shape[1], device=mask.device).expand_as(mask)
    return torch.where(mask, lengths - 1 - places, places)


def initialise(elmo: Elmo) -> None:
    """The random weights that bilm-tf's training starts from; drawn from torch's global generator."""
    letters: Any = elmo.characters
    layers: list[Any] = list(elmo.lstm)
    nn.init.uniform_(letters.embedding.weight, -1, 1)
    with torch.no_grad():
        letters.embedding.weight[0] = 0
    for convolution in letters.convolutions:
        if elmo.sizes.activation == "tanh":
            nn.init.normal_(convolution.weight, std=convolution.weight[0].numel() ** -0.5)
        else:
            nn.init.uniform_(convolution.weight, -0.05, 0.05)
        nn.init.zeros_(convolution.bias)
    for linear in [m for m in letters.modules() if isinstance(m, nn.Linear)]:
        nn.init.normal_(linear.weight, std=linear.in_features**-0.5)
        nn.init.zeros_(linear.bias)
    for highway in letters.highways:
        nn.init.constant_(highway.gate.bias, -2)
    for layer in layers:
        cells = layer.cells
        for direction in range(2):  # TensorFlow's default, Glorot's uniform, over inputs and state together
            linear, kernel = layer.inputs[direction], layer.recurrent[direction]
            bound = (6 / (linear.in_features + kernel.shape[0] + 4 * cells)) ** 0.5
            nn.init.uniform_(linear.weight, -bound, bound)
            nn.init.uniform_(kernel, -bound, bound)
            nn.init.zeros_(linear.bias)
            with torch.no_grad():
                linear.bias[cells : 2 * cells] = 1  # remember, at first
            nn.init.xavier_uniform_(layer.projection[direction])
