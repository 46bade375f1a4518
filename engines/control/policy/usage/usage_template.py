"""Asks the policy beside this file what it does when the robot sees this.

    pip install -r requirements.txt
    python usage.py OBSERVATIONS.csv

A row of the table is what the robot sees at one moment: a column a sensor, called as in RUN, or observation_0,
observation_1 and so on; or just so many columns. It prints a line of JSON a row: the action, in the robot's own units.
"""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from engines.exports.usage_parts import HERE, RUN, Row, each, of_table, rows_of, say_all, words_given


def columns_of(there: list[str]) -> list[str]:
    """The column of each sensor; none where they cannot be told."""
    plain = {re.sub(r"[^a-z0-9]+", " ", name.lower()).strip(): name for name in there}
    width = len(RUN["sensors"])
    sensors = [re.sub(r"[^a-z0-9]+", " ", name.lower()).strip() for name in RUN["sensors"]]
    for wanted in (sensors, [f"observation {n}" for n in range(width)], [f"obs {n}" for n in range(width)]):
        if all(name in plain for name in wanted):
            return [plain[name] for name in wanted]
    return there if len(there) == width else []


def numbers(row: dict[str, str], columns: list[str]) -> np.ndarray:
    """float32 (sensors,). Raises ValueError that says what is wrong, to go on with after 'line 3'."""
    found = np.empty(len(columns), np.float32)
    for place, (column, sensor) in enumerate(zip(columns, RUN["sensors"], strict=True)):
        try:
            found[place] = float(row[column])
        except ValueError:
            found[place] = np.nan
        if not np.isfinite(found[place]):
            raise ValueError(f"has no finite number for {sensor}")
    return found


def loaded() -> Callable[[np.ndarray], Any]:
    """What the robot sees, float32 (sensors,) -> its action float (actions,), or the number of a choice."""
    if RUN["onnx"]:
        import onnxruntime

        session = onnxruntime.InferenceSession(HERE / "policy.onnx", providers=["CPUExecutionProvider"])

        def ask(seen: np.ndarray) -> Any:
            (found,) = session.run(None, {"observations": seen[None]})
            return int(found[0].argmax()) if RUN["choices"] else found[0]

        return ask
    else:
        import stable_baselines3

        policy = getattr(stable_baselines3, RUN["algorithm"]).load(HERE / "policy.zip", device="cpu")
        return lambda seen: policy.predict(seen, deterministic=True)[0]


def model() -> Callable[[Path], Iterator[Row]]:
    """Loads it; what it then does at each row of a table. Raises ValueError for a table that lacks a column."""
    ask = loaded()

    def act(seen: np.ndarray) -> Row:
        action = ask(seen)
        if RUN["choices"]:
            return {"label": RUN["actions"][int(action)]}
        else:
            told = ", ".join(f"{name} {value:.2f}" for name, value in zip(RUN["actions"], action, strict=True))
            return {"label": told, "action": [round(float(value), 6) for value in action]}

    def answer(path: Path) -> Iterator[Row]:
        rows = rows_of(path)
        columns = columns_of(list(rows[0][1]) if rows else [])
        if not columns:
            raise ValueError(f"a column is needed for each of {', '.join(RUN['sensors'])}")
        return each(rows, lambda row: act(numbers(row, columns)))

    return answer


if __name__ == "__main__":
    sys.exit(say_all(of_table(Path(words_given("OBSERVATIONS.csv")[0]), model())))
