"""Fit a simulator's parameters to stretches of a log, and say which of them the log can tell.

Parameters are points in [0, 1]: between their bounds on a logarithmic scale, or on a plain one where zero is allowed.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from engines.control.logs.windows import Windows
from engines.control.simulation.robots import ACTION_GAIN, Parameter
from engines.control.simulation.rollouts import Stepper
from engines.messages import _

STEP = 1e-4
"""Of the finite differences."""
WILD = 30.0
"""Errors count as at most so many spreads: a simulator that diverges is wrong, not infinitely wrong."""
TOLD = 0.1
"""A parameter is told when its standard error is below this share of it (of its range, where zero is allowed)."""
ALIKE = 0.03
"""Two parameters act alike when no more than this share of one's effect is its own."""
FINEST = 1e-4
"""Errors below this many spreads are rounding, not evidence."""
STATE_STEPS = 4
FARTHEST = 0.2
"""Spreads that a step of a state's estimate may go."""
RESAMPLES = 500
BLOCK = 20
"""Neighbouring stretches that are drawn together: their errors go together."""
FEWEST_BLOCKS = 10


def place(parameter: Parameter, value: float) -> float:
    """Where a value lies between the parameter's bounds, in [0, 1]."""
    if parameter.proportional:
        return math.log(value / parameter.low) / math.log(parameter.high / parameter.low)
    return (value - parameter.low) / (parameter.high - parameter.low)


def value_at(parameter: Parameter, position: float) -> float:
    """The value at a place in [0, 1]."""
    position = min(max(float(position), 0.0), 1.0)
    if parameter.proportional:
        return parameter.low * (parameter.high / parameter.low) ** position
    return parameter.low + position * (parameter.high - parameter.low)


def nominal(parameters: Sequence[Parameter]) -> np.ndarray:
    return np.array([place(parameter, parameter.nominal) for parameter in parameters])


@dataclass
class Fit:
    """Stretches of a log, and the simulator that is to repeat them."""

    simulator: Stepper
    parameters: tuple[Parameter, ...]
    """The robot's physics and the action gain; a point has a place for each."""
    seen: Windows
    tick: Callable[[], None] = field(default=lambda: None)
    """Called at every evaluation."""
    weights: np.ndarray | None = None
    """float64 (N, K × compared, K × compared): whitens the errors of a stretch, which share the noise of its start."""
    shift: np.ndarray | float = 0.0
    """Added to errors, in spreads, where stretches start from estimated states instead of what was seen."""
    observed: np.ndarray | None = None
    """float64 (N, width): what was seen at the starts, where `seen` holds estimates."""

    def errors(self, point: np.ndarray, delay: int) -> np.ndarray:
        """Predicted minus seen, in usual spreads: float64 (N, K × compared); whitened where there are weights."""
        self.tick()
        pairs = zip(self.parameters, point, strict=True)
        values = {p.name: value_at(p, at) for p, at in pairs if at != place(p, p.nominal)}
        gain = values.pop(ACTION_GAIN.name, ACTION_GAIN.nominal)
        with np.errstate(all="ignore"):
            predicted = self.simulator.roll(self.seen.seen, self.seen.commands(delay), values, gain)
        spreads = np.asarray(self.simulator.robot.spreads)[list(self.simulator.compared)]
        errors = np.clip(np.nan_to_num((predicted - self.seen.after) / spreads, nan=WILD), -WILD, WILD)
        errors = errors.reshape(len(errors), -1) + self.shift
        return errors if self.weights is None else np.einsum("nij,nj->ni", self.weights, errors)

    def weighted(self, point: np.ndarray, delay: int) -> Fit:
        """The same, with errors weighted as sensor noise calls for.

        The state that a stretch starts from is unknown: seen with noise, like all that follows. It is estimated by
        Gauss-Newton steps from all of the stretch, and left free to first order around that: errors are A n + m, with
        n the noise of the first observation, carried along, and m that of the later ones; their covariance is
        I + A Aᵀ in units of the noise. That is maximum likelihood, and holds where commands follow what was seen.
        """
        spreads = np.asarray(self.simulator.robot.spreads)
        observed = self.seen.seen if self.observed is None else self.observed
        start = observed.copy()
        for remaining in reversed(range(STATE_STEPS)):
            errors, carried = self._carried(start, point, delay)  # (N, E), (N, E, width)
            first = (observed - start) / spreads
            if remaining:
                backwards = np.swapaxes(carried, 1, 2)
                pull = first[..., None] - backwards @ errors[..., None]
                step = np.linalg.solve(np.eye(len(spreads)) + backwards @ carried, pull)[..., 0]
                start = start + np.clip(step, -FARTHEST, FARTHEST) * spreads
        covariance = np.eye(carried.shape[1]) + carried @ np.swapaxes(carried, 1, 2)
        return dataclasses.replace(
            self,
            seen=dataclasses.replace(self.seen, seen=start),
            observed=observed,
            shift=(carried @ first[..., None])[..., 0],
            weights=np.linalg.inv(np.linalg.cholesky(covariance)),
        )

    def _carried(self, start: np.ndarray, point: np.ndarray, delay: int) -> tuple[np.ndarray, np.ndarray]:
        """Errors from these starts (N, E), and how they change with each number of the start (N, E, width)."""
        small = 1e-4

        def errors(where: np.ndarray) -> np.ndarray:
            plain = dataclasses.replace(self, seen=dataclasses.replace(self.seen, seen=where), weights=None, shift=0.0)
            return plain.errors(point, delay)

        base, columns = errors(start), []
        for sensor, spread in enumerate(self.simulator.robot.spreads):
            moved = start.copy()
            moved[:, sensor] += small * spread
            columns.append((errors(moved) - base) / small)
        return base, np.stack(columns, axis=-1)

    def mean_square(self, point: np.ndarray, delay: int) -> float:
        return float(np.mean(self.errors(point, delay) ** 2))

    def slopes(self, point: np.ndarray, free: Sequence[int], delay: int) -> np.ndarray:
        """Change of every error per unit of each free place: float64 (errors, free)."""
        base, columns = self.errors(point, delay).ravel(), []
        for number in free:
            step = STEP if point[number] + STEP <= 1 else -STEP
            moved = point.copy()
            moved[number] += step
            columns.append((self.errors(moved, delay).ravel() - base) / step)
        return np.stack(columns, axis=1) if columns else np.zeros((base.size, 0))

    def descend(self, point: np.ndarray, free: Sequence[int], delay: int, rounds: int) -> np.ndarray:
        """Least squares from `point` over the free places, within bounds."""
        from scipy.optimize import least_squares

        def whole(places: np.ndarray) -> np.ndarray:
            moved = point.copy()
            moved[list(free)] = places
            return moved

        noisy = self.seen.after.shape[1] > 1  # several steps are looked ahead: there is no exact fit to be had
        found = least_squares(
            lambda places: self.errors(whole(places), delay).ravel(),
            np.clip(point[list(free)], 1e-6, 1 - 1e-6),
            jac=lambda places: self.slopes(whole(places), free, delay),
            bounds=(0.0, 1.0),
            max_nfev=rounds,
            ftol=1e-7 if noisy else 1e-14,
            xtol=1e-5 if noisy else 1e-9,
            gtol=1e-14,
        )
        better = whole(found.x)
        return better if self.mean_square(better, delay) <= self.mean_square(point, delay) else point

    def solve(self, guess: np.ndarray, free: Sequence[int], delay: int, *, seed: int, evaluations: int) -> np.ndarray:
        """CMA-ES from the nominal values over the free places; it and `guess` are finished by least squares."""
        import cma

        start = nominal(self.parameters)
        held = start.copy()
        held[list(free)] = guess[list(free)]
        if not free:
            return held
        candidates = [held]
        if len(free) > 1 and evaluations:  # the library's strategy needs two dimensions

            def loss(places: np.ndarray) -> float:
                point = start.copy()
                point[list(free)] = places
                return self.mean_square(point, delay)

            options = {"bounds": [0, 1], "seed": seed + 1, "maxfevals": evaluations, "verbose": -9, "tolx": 1e-5}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                best, *_ = cma.fmin(loss, start[list(free)].clip(0.02, 0.98), 0.15, options)
            candidates.append(start.copy())
            candidates[-1][list(free)] = best
        finished = [self.descend(candidate, free, delay, 30) for candidate in candidates]
        return min(finished, key=lambda point: self.mean_square(point, delay))


# --- what can be told -----------------------------------------------------------------------------


def not_told_by(fit: Fit, point: np.ndarray, free: Sequence[int], delay: int) -> dict[int, str]:
    """Why a free parameter is not told by these stretches, by its number. The first ones are asked first.

    Each is compared with those told before it: what of its effect is its own, and is that more than the noise?
    """
    slopes = fit.slopes(point, free, delay)  # (errors, free)
    error = max(float(np.sqrt(np.mean(fit.errors(point, delay) ** 2))), FINEST)
    reasons: dict[int, str] = {}
    kept: list[int] = []
    for column, number in enumerate(free):
        parameter, effect = fit.parameters[number], slopes[:, column]
        whole = float(np.linalg.norm(effect))
        width = math.log(parameter.high / parameter.low) if parameter.proportional else 1.0
        if whole == 0 or error / whole * width > TOLD:
            reasons[number] = _("hardly changes anything that was seen")
            continue
        if kept:
            share, *_unused = np.linalg.lstsq(slopes[:, kept], effect, rcond=None)
            own = float(np.linalg.norm(effect - slopes[:, kept] @ share))
            if own / whole < ALIKE or error / own * width > TOLD:
                parts = np.abs(share) * np.linalg.norm(slopes[:, kept], axis=0)
                names = [
                    fit.parameters[free[k]].name for k, part in zip(kept, parts, strict=True) if part > 0.1 * whole
                ]
                reasons[number] = _alike(names)
                continue
        kept.append(column)
    return reasons


def _alike(names: list[str]) -> str:
    if len(names) == 1:
        return _(
            "acts so much like {names} that this log cannot tell them apart: {names} stands for both", names=names[0]
        )
    listed = _("{names} and {names2}", names=", ".join(names[:-1]), names2=names[-1])
    return _(
        "acts so much like {listed} together that this log cannot tell them apart: they stand for all", listed=listed
    )


def too_wide(parameters: Sequence[Parameter], spans: Mapping[int, tuple[float, float]]) -> dict[int, str]:
    """The last parameter whose interval is too wide to say anything, and how wide it is."""
    for number in sorted(spans, reverse=True):
        parameter, (low, high) = parameters[number], spans[number]
        width = math.log(parameter.high / parameter.low) if parameter.proportional else 1.0
        if (high - low) * width > 4 * TOLD:  # about two standard errors to each side
            shown = _(
                "{value_at:.3g} to {value_at_parameter:.3g}",
                value_at=value_at(parameter, low),
                value_at_parameter=value_at(parameter, high),
            )
            return {number: _("could be anything from {shown} by this log", shown=shown)}
    return {}


def intervals(
    fit: Fit, point: np.ndarray, free: Sequence[int], delay: int, seed: int
) -> dict[int, tuple[float, float]]:
    """95 % of each free place under a block bootstrap of the errors, linearised at `point`."""
    if not free:
        return {}
    slopes, errors = fit.slopes(point, free, delay), fit.errors(point, delay).ravel()
    n = len(fit.seen)
    per_window = errors.size // n
    size = max(1, min(BLOCK, n // FEWEST_BLOCKS))
    cuts = np.arange(0, n, size) * per_window
    squares = np.array([part.T @ part for part in np.split(slopes, cuts[1:])])  # (blocks, free, free)
    pulls = np.array(
        [a.T @ b for a, b in zip(np.split(slopes, cuts[1:]), np.split(errors, cuts[1:]), strict=True)]
    )  # (blocks, free)
    draw = np.random.default_rng([seed, 4])
    moved = []
    for _unused in range(RESAMPLES):
        drawn = draw.integers(len(cuts), size=len(cuts))
        moved.append(-np.linalg.lstsq(squares[drawn].sum(0), pulls[drawn].sum(0), rcond=None)[0])
    low, high = np.percentile(np.array(moved), [2.5, 97.5], axis=0)
    centre = point[list(free)]
    return {n_: (float(c + a), float(c + b)) for n_, c, a, b in zip(free, centre, low, high, strict=True)}


def widened(
    fit: Fit, point: np.ndarray, free: Sequence[int], delay: int, spans: Mapping[int, tuple[float, float]]
) -> dict[int, tuple[float, float]]:
    """Intervals for a simulator that lacks something: so far that a parameter's own effect is as large as the misfit,
    which may all pull one way and does not average out over a long log."""
    slopes, errors = fit.slopes(point, free, delay), fit.errors(point, delay)
    misfit, found = float(np.linalg.norm(errors)), {}
    for column, number in enumerate(free):
        others = np.delete(slopes, column, axis=1)
        share, *_ = np.linalg.lstsq(others, slopes[:, column], rcond=None)
        own = float(np.linalg.norm(slopes[:, column] - others @ share))
        reach = misfit / own if own else 1.0
        low, high = spans[number]
        found[number] = (max(0.0, min(low, point[number] - reach)), min(1.0, max(high, point[number] + reach)))
    return found


def moved_by_gain(
    fit: Fit, point: np.ndarray, free: Sequence[int], delay: int, gain: float
) -> dict[int, tuple[float, float]]:
    """How far each free place has to be moved, down and up, for motors `gain` times as strong to do the same."""
    last = len(fit.parameters) - 1
    slopes = fit.slopes(point, [*free, last], delay)
    share, *_ = np.linalg.lstsq(slopes[:, :-1], -slopes[:, -1], rcond=None)
    way = (place(ACTION_GAIN, gain) - place(ACTION_GAIN, ACTION_GAIN.nominal)) * share
    return {number: (min(0.0, float(by)), max(0.0, float(by))) for number, by in zip(free, way, strict=True)}
