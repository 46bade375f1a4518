"""A site: hands an order to the Headstart that is here, and the answer back.

Its SuperNode's --node-config says `data` (a folder of this machine), `name`, and perhaps `headstart` (the Python that
has Headstart). Why a site could not answer stands in its own log: it may name files.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Context, Message, RecordDict
from flwr.client.mod import secaggplus_mod
from flwr.clientapp import ClientApp
from flwr.common import Code, FitRes, Status, ndarrays_to_parameters
from flwr.compat.common.recorddict_compat import fitres_to_recorddict
from safetensors.numpy import load_file

from headstart_flower import beside

STAGE = "stage"
"""What a step of secure aggregation tells."""
BOUND = 8.0
"""What a change may be, either way, to be summed in secret."""

app = ClientApp()


@app.query()
def summary(message: Message, context: Context) -> Message:
    with tempfile.TemporaryDirectory(prefix="flower-site-") as folder:
        return _plain(message, _answered(message.content["order"], context, Path(folder)), context)


@app.train()
def learn(message: Message, context: Context) -> Message:
    if any(STAGE in record for record in message.content.config_records.values()):
        return secaggplus_mod(message, context, _in_secret)
    with tempfile.TemporaryDirectory(prefix="flower-site-") as folder:
        return _plain(message, _answered(message.content["order"], context, Path(folder)), context)


def _plain(message: Message, answer: Path, context: Context) -> Message:
    told = ConfigRecord({"name": str(context.node_config["name"])})
    return Message(RecordDict({"answer": beside.packed(answer), "told": told}), reply_to=message)


def _in_secret(message: Message, context: Context) -> Message:
    """What the site would change, as Flower masks it."""
    with tempfile.TemporaryDirectory(prefix="flower-site-") as folder:
        order = message.content["fitins.parameters"]
        answer = _answered(order, context, Path(folder))
        before, after = load_file(Path(folder) / "order.safetensors"), load_file(answer)
    change = [after[name] - before[name] for name in sorted(after) if name.startswith("state/")]
    if not all(np.isfinite(one).all() and np.abs(one).max(initial=0) < BOUND for one in change):
        raise ValueError("What was learnt changes too much to be summed in secret, or is no number.")
    n = int(message.content["fitins.config"]["examples"])
    result = FitRes(Status(Code.OK, ""), ndarrays_to_parameters(change), n, {})
    return Message(fitres_to_recorddict(result, keep_input=True), reply_to=message)


def _answered(order: ArrayRecord, context: Context, folder: Path) -> Path:
    """The answer to an order, in that folder. Raises RuntimeError where there is none."""
    config = context.node_config
    answer, asked = folder / "answer.safetensors", beside.unpacked(order, folder / "order.safetensors")
    words = [str(asked), "--data", str(config["data"]), "--name", str(config["name"]), "--out", str(answer)]
    done = subprocess.run([*beside.command(str(config.get("headstart", ""))), "answer", *words], check=False)
    if done.returncode or not answer.is_file():
        raise RuntimeError(f"The site could not answer (status {done.returncode}); its own log says why.")
    return answer
