"""Asks the model beside this file what signals are.

    pip install -r requirements.txt
    python usage.py SIGNALS.csv

A row of the table is a signal. It prints a line of JSON a signal: its class, how likely it is, and how likely each
class is.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from engines.exports.usage_parts import HERE, RUN, Row, chosen, each, of_table, rows_of, say_all, words_given

sys.path.insert(0, str(HERE))
from network import Network, standardised  # type: ignore[import-not-found]  # it lies beside this file


def signal(row: dict[str, str]) -> np.ndarray:
    """float32 (T,). Raises ValueError that says what is wrong, to go on with after 'line 3'."""
    values = np.empty(len(RUN["columns"]), np.float32)
    for place, name in enumerate(RUN["columns"]):
        try:
            values[place] = float(row[name])
        except (KeyError, ValueError):
            values[place] = np.nan
        if not abs(values[place]) < RUN["largest"]:
            raise ValueError(f"has no number below {RUN['largest']:g} in {name}")
    return values


def model() -> Callable[[Path], Iterator[Row]]:
    """Loads it; what it then says of each row of a table."""
    config = json.loads((HERE / "config.json").read_text(encoding="utf-8"))
    network = Network(len(config["label_names"])).eval()
    network.load_state_dict(load_file(HERE / "model.safetensors"))

    def ask(row: dict[str, str]) -> Row:
        values = torch.from_numpy(signal(row))
        with torch.no_grad():
            logits = np.asarray(network(standardised(values[None]))[0].numpy())
        return chosen(config["label_names"], logits, config["temperature"])

    return lambda path: each(rows_of(path), ask)


if __name__ == "__main__":
    sys.exit(say_all(of_table(Path(words_given("SIGNALS.csv")[0]), model())))
