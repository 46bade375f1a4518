"""Files that somebody brings by mistake or on purpose and that are no data: weights, notebooks."""

from __future__ import annotations

import json
import struct
from random import Random

from tests.hostile.kinds import kind

EVERY = ("vision.classification", "text.sentiment", "forecasting.forecast", "control.policy")


def weights(header: object, body: bytes = b"", length: int | None = None) -> bytes:
    """A safetensors file: the length of its header (8 bytes), the header as JSON, the numbers."""
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


@kind(".safetensors", *EVERY, whole=True)
def weights_whose_header_is_an_exabyte(rng: Random) -> bytes:
    return weights({}, rng.randbytes(100), length=rng.randrange(1 << 60, 1 << 63))


@kind(".safetensors", *EVERY, whole=True)
def weights_that_share_their_bytes(rng: Random) -> bytes:
    one = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
    return weights({f"w{n}": one for n in range(rng.randrange(50, 99))}, bytes(16))


@kind(".safetensors", *EVERY, whole=True)
def weights_of_a_shape_beyond_all_numbers(rng: Random) -> bytes:
    shape = [1 << 40, 1 << 40, rng.randrange(2, 99)]
    return weights({"w": {"dtype": "F32", "shape": shape, "data_offsets": [0, 16]}}, bytes(16))


@kind(".safetensors", *EVERY, whole=True)
def weights_that_reach_behind_their_end(rng: Random) -> bytes:
    return weights({"w": {"dtype": "U8", "shape": [1 << 30], "data_offsets": [0, 1 << 30]}}, rng.randbytes(64))


@kind(".ipynb", *EVERY, whole=True)
def notebook_nested_without_end(rng: Random) -> bytes:
    deep = rng.randrange(20_000, 60_000)
    return b'{"nbformat": 4, "cells": ' + b"[" * deep + b"]" * deep + b"}"


@kind(".ipynb", *EVERY, whole=True, plain="wrong")
def notebook_with_markup_for_an_output(rng: Random) -> bytes:
    shown = {"output_type": "display_data", "data": {"text/html": [f"<script>alert({rng.randrange(9)})</script>"]}}
    cell = {"cell_type": "code", "source": ["import os; os.system('id')"], "metadata": {}, "outputs": [shown]}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell] * 30}).encode()


@kind(".ipynb", *EVERY, whole=True, slow=True, plain="wrong")
def notebook_of_a_hundred_megabytes(rng: Random) -> bytes:
    pixels = "A" * (rng.randrange(90, 110) << 20)
    cell = {"cell_type": "code", "source": [], "outputs": [{"data": {"image/png": pixels}}]}
    return json.dumps({"nbformat": 4, "cells": [cell]}).encode()


@kind(".json", *EVERY, whole=True)
def number_of_a_million_digits(rng: Random) -> bytes:
    return b'[{"text": ' + b"9" * rng.randrange(10**6, 2 * 10**6) + b', "label": "a"}]'
