"""A round whose answers are only known as their sum: Flower's SecAgg+ (Bell et al. 2020, 'Secure single-server
aggregation with (poly)logarithmic overhead'), which it offers in its older interface alone."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from flwr.app import ConfigRecord, Context
from flwr.common import FitIns, ndarrays_to_parameters, parameters_to_ndarrays
from flwr.compat.common.recorddict_compat import parameters_to_arrayrecord
from flwr.server import LegacyContext
from flwr.server.workflow import SecAggPlusWorkflow
from flwr.server.workflow.constant import MAIN_CONFIGS_RECORD, MAIN_PARAMS_RECORD, Key
from flwr.serverapp import Grid
from safetensors.numpy import load_file, save_file

from headstart_flower.client_app import BOUND

SHARES = 2 / 3
"""Of the sites that have to stay till the end for the sum to be known."""


class Sum:
    """A strategy, as the workflow asks one: the order to every site, and their average kept."""

    def __init__(self, order: Path, nodes: dict[int, str], examples: dict[str, int]):
        self.order = ndarrays_to_parameters([np.frombuffer(order.read_bytes(), dtype=np.uint8)])
        self.nodes, self.examples = nodes, examples
        self.average: list[np.ndarray] | None = None
        self.in_it: list[str] = []

    def configure_fit(self, *_unused: Any) -> list[tuple[Any, FitIns]]:
        return [
            (SimpleNamespace(node_id=node), FitIns(self.order, {"examples": self.examples[name]}))
            for node, name in self.nodes.items()
        ]

    def aggregate_fit(self, _round: int, results: list[Any], _failures: list[Any]) -> tuple[None, dict[str, Any]]:
        self.in_it = sorted(self.nodes[proxy.node_id] for proxy, _unused in results)
        self.average = parameters_to_ndarrays(results[0][1].parameters)
        return None, {}


def together(
    grid: Grid, context: Context, nodes: dict[int, str], asked: dict[str, Any], lost: list[Any], folder: Path
) -> dict[str, Any]:
    """The average change of the sites, weighed by their examples, and who is not in it."""
    order, examples = Path(asked["ask"]), asked["sites"]
    sum_of = Sum(order, nodes, examples)
    legacy = LegacyContext(context, strategy=sum_of, client_manager=SimpleNamespace(num_available=lambda: len(nodes)))
    legacy.state.config_records[MAIN_CONFIGS_RECORD] = ConfigRecord({Key.CURRENT_ROUND: asked["round"]})
    legacy.state.array_records[MAIN_PARAMS_RECORD] = parameters_to_arrayrecord(ndarrays_to_parameters([]), True)
    largest = float(max(examples.values()))
    workflow = SecAggPlusWorkflow(
        1.0, SHARES, max_weight=largest, clipping_range=BOUND, timeout=asked["patience"] or None
    )
    workflow(grid, legacy)
    out = [name for name in nodes.values() if name not in sum_of.in_it]
    lost += [[name, "it is not in the sum"] for name in out]
    if sum_of.average is None:
        return {"answers": [], "lost": lost, "late": []}
    names = [name for name in sorted(load_file(order)) if name.startswith("state/")]
    change = {
        name.removeprefix("state/"): np.ascontiguousarray(value, dtype=np.float32)
        for name, value in zip(names, sum_of.average, strict=True)
    }
    told = {"format": 1, "kind": "together", "sites": sum_of.in_it}
    path = folder / "together.safetensors"
    save_file(change, path, metadata={"told": json.dumps(told)})
    return {"answers": [["", str(path)]], "lost": lost, "late": []}
