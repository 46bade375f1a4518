"""Sums that nobody can read but together: each pair of sites adds and subtracts the same random numbers.

Pairwise masks as in Bonawitz et al. 2017, 'Practical secure aggregation for privacy-preserving machine learning',
without what they have for sites that drop out: every site is needed. The random numbers are ChaCha20's keystream (RFC
8439) of the secret of each pair (`agreement`). Of each class a site has n, Σ x and the upper half of Σ x xᵀ, zeros
where it has none; all but n in steps of 2⁻³². They are added modulo 2⁶⁴, where a uniform mask leaves a uniform number.
A site refuses sums above 2⁶³ / sites steps, so that the total never wraps; it is off by half a step a site at most.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

from engines.contract import InputError, Problem
from engines.federated.masking.agreement import Agreement, Key
from engines.federated.statistics import ClassStatistics, Statistics, half_of, half_size, whole
from engines.messages import _

STEPS = 2.0**32
"""In 1."""
MOST_EXAMPLES = 1 << 40
MOST_BYTES = 1 << 31
CLOSE = 1e-3
"""Share of the largest eigenvalue by which one may be negative."""


def numbers(width: int, kind: str) -> int:
    """Of a class: n, Σ x, and with 'scatter' half of Σ x xᵀ."""
    return 1 + width + (half_size(width) if kind == "scatter" else 0)


def in_steps(known: Statistics, classes: Sequence[str], width: int, kind: str, sites: int) -> np.ndarray:
    """uint64 (classes · numbers,): a site's sums, two's complement. Raises InputError for what is too large."""
    size = numbers(width, kind)
    if size * len(classes) * 8 > MOST_BYTES:
        found = _(
            "{classes} classes of {width:,} features are {size:,.1f} GB",
            classes=len(classes),
            width=width,
            size=size * len(classes) * 8 / 1e9,
        )
        raise InputError(Problem("--masks", found, _("accepted: fewer classes, or --means")))
    steps = np.zeros((len(classes), size), dtype=np.int64)
    for row, name in zip(steps, classes, strict=True):
        if (own := known.get(name)) is None:
            continue
        parts = [own.n * own.mean]
        if kind == "scatter":
            parts.append(half_of(own.scatter() + own.n * np.outer(own.mean, own.mean)))
        values = np.rint(np.concatenate(parts) * STEPS)
        if not np.isfinite(values).all() or max(float(np.abs(values).max()), own.n) >= 2.0**63 / sites:
            told = _("the sums of class {name!r} are too large for masks", name=name)
            raise InputError(Problem("--masks", told, _("accepted: fewer examples a class, or no masks")))
        row[0], row[1:] = own.n, values.astype(np.int64)
    return steps.reshape(-1).view(np.uint64)


def masked(sums: np.ndarray, agreement: Agreement, key: Key) -> np.ndarray:
    """The sums uint64 (N,) under this site's masks. Raises InputError where other sums were masked by them before."""
    key.use(agreement, sums.astype("<u8").tobytes())
    found = sums.copy()
    for sign, secret in agreement.secrets(key):
        mask = keystream(secret, len(sums))
        found = found + mask if sign > 0 else found - mask
    return found


def keystream(secret: bytes, count: int) -> np.ndarray:
    """uint64 (count,), of a secret of 32 bytes."""
    cipher = Cipher(algorithms.ChaCha20(secret, bytes(16)), mode=None).encryptor()
    return np.frombuffer(cipher.update(bytes(8 * count)), dtype="<u8").astype(np.uint64)


def united(files: Sequence[np.ndarray], classes: Sequence[str], width: int, kind: str) -> dict[str, ClassStatistics]:
    """What all sites know of each class, of the masked sums of every one of them. Raises InputError where the total can
    be no sums."""
    total = np.zeros(len(files[0]), dtype=np.uint64)
    for one in files:
        total += one
    known: dict[str, ClassStatistics] = {}
    rounding = len(files) / STEPS
    for name, row in zip(classes, total.view(np.int64).reshape(len(classes), -1), strict=True):
        n, values = int(row[0]), row[1:] / STEPS
        if n == 0 and np.abs(values).max() <= rounding:
            continue
        if not 0 < n <= MOST_EXAMPLES:
            raise _not_cancelled(name)
        mean = values[:width] / n
        if kind == "means":
            known[name] = ClassStatistics(n, mean)
            continue
        half = values[width:] - n * half_of(np.outer(mean, mean))
        eigenvalues = np.linalg.eigvalsh(whole(half, width))
        if eigenvalues[0] < -CLOSE * max(float(eigenvalues[-1]), 0.0) - rounding * width:
            raise _not_cancelled(name)
        known[name] = ClassStatistics(n, mean, half=half)
    return known


def _not_cancelled(name: str) -> InputError:
    found = _("all together they are no sums of examples in class {name!r}: one of them was changed", name=name)
    return InputError(Problem(_("the sites"), found, _("accepted: the files as each site has written them")))


def impossible() -> list[str]:
    """What nobody can check or tell of masked files."""
    return [
        _(
            "Masks make these impossible to check for a single site: that its counts are not negative, that n fits "
            "its sums, that its matrices are nowhere negative, and that it did not come twice under two names."
        ),
        _("Who has which classes, which of them one site alone has, and how a site does alone stay unknown too."),
        _("λ cannot be chosen by leaving one site out: generalised cross-validation chooses it, from the total alone."),
    ]
