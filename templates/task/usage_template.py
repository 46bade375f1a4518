"""Asks the model beside this file what signals are.

    pip install -r requirements.txt
    python usage.py SIGNALS.csv

A row of the table is a signal. It prints a line of JSON a signal: its class, how likely it is, and how likely each
class is.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from engines.exports.usage_parts import HERE, RUN, chosen, rows_of, say, words_given

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


def main(path: Path) -> int:
    if not path.is_file():
        print(f"there is no {path}", file=sys.stderr)
        return 2
    config = json.loads((HERE / "config.json").read_text(encoding="utf-8"))
    model = Network(len(config["label_names"])).eval()
    model.load_state_dict(load_file(HERE / "model.safetensors"))
    rows, unread = rows_of(path), 0
    for where, row in rows:
        try:
            values = torch.from_numpy(signal(row))
        except ValueError as error:
            say({"file": where, "error": str(error)})
            unread += 1
            continue
        with torch.no_grad():
            logits = np.asarray(model(standardised(values[None]))[0].numpy())
        say({"file": where, **chosen(config["label_names"], logits, config["temperature"])})
    return 2 if unread == len(rows) else 0


if __name__ == "__main__":
    sys.exit(main(Path(words_given("SIGNALS.csv")[0])))
