"""Whoever leads: starts `headstart federate lead`, carries its orders to the sites and their answers back.

A run that Headstart calls failed fails here too: Flower by itself ends 'completed' whatever was lost.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flwr.app import Context, Message, RecordDict
from flwr.serverapp import Grid, ServerApp

from headstart_flower import beside, secret

app = ServerApp()
LOOKS = 0.3
"""Seconds between two looks for answers."""


@app.main()
def main(grid: Grid, context: Context) -> None:
    config = context.run_config
    if not config["out"]:
        raise ValueError("Say where the run folder goes: --run-config 'out=\"/runs/one\"'.")
    deadline = time.monotonic() + float(config["wait"])
    while len(list(grid.get_node_ids())) < int(config["sites"]) and time.monotonic() < deadline:
        time.sleep(LOOKS)
    with tempfile.TemporaryDirectory(prefix="flower-lead-") as folder:
        carrier = Carrier(grid, context, Path(folder))
        with _leading(config) as process:
            assert process.stdin
            assert process.stdout
            for line in process.stdout:
                asked = _read(line)
                if asked is None:
                    print(line, end="", flush=True)
                    continue
                print(json.dumps(carrier.ask(asked)), file=process.stdin, flush=True)


@contextmanager
def _leading(config: Any) -> Iterator[subprocess.Popen[str]]:
    """The process that leads. Raises RuntimeError with what it said last where it does not end well."""
    words = [*beside.command(os.environ.get("HEADSTART_PYTHON", "")), "lead", str(config["task"])]
    for name in ("out", "model", "strategy", "test", "seed", "rounds", "algorithm", "sites", "late-after"):
        if config[name] != "":
            words += [f"--{name}", str(config[name])]
    words += ["--secure"] * bool(config["secure"])
    for pair in shlex.split(str(config["settings"])):
        words += ["--set", pair]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, text=True, encoding="utf-8") as process:
        assert process.stdin
        said: list[str] = [""]
        listening = threading.Thread(target=_listen, args=(process, said), daemon=True)
        listening.start()
        try:
            yield process
        finally:
            process.stdin.close()  # it ends by itself then, should it still wait
        status = process.wait()
        listening.join()
    if status:
        raise RuntimeError(said[0] or f"Headstart ended with status {status}.")


def _listen(process: subprocess.Popen[str], said: list[str]) -> None:
    assert process.stderr
    for line in process.stderr:
        print(line, end="", file=sys.stderr, flush=True)
        said[0] = line.strip() or said[0]


def _read(line: str) -> dict[str, Any] | None:
    """What is asked; None for a line that asks nothing."""
    try:
        asked = json.loads(line)
    except ValueError:
        return None
    return asked if isinstance(asked, dict) and "ask" in asked else None


class Carrier:
    """Between the line of `headstart federate lead` and the sites."""

    def __init__(self, grid: Grid, context: Context, folder: Path):
        self.grid, self.context, self.folder = grid, context, folder
        self.node_of: dict[str, int] = {}
        """A site's name -> its node, as it told before the first round."""

    def ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        order, here = Path(asked["ask"]), set(self.grid.get_node_ids())
        for old in self.folder.iterdir():
            old.unlink()
        lost = [[name, "it is not there"] for name in asked["sites"] if self.node_of[name] not in here]
        if asked["kind"] == "summary":
            nodes = {node: f"node {node}" for node in here}
        else:
            nodes = {self.node_of[name]: name for name in asked["sites"] if self.node_of[name] in here}
        if asked["secure"]:
            return secret.together(self.grid, self.context, nodes, asked, lost, self.folder)
        kind = "query" if asked["kind"] == "summary" else "train"
        replies, late, unsent = self._carried(order, kind, nodes, float(asked["patience"]))
        lost += [[name, "nothing could be sent to it"] for name in unsent]
        answers = []
        for node, reply in replies.items():
            if reply.has_error():
                lost.append([nodes[node], str(reply.error.reason)])
                continue
            name = str(reply.content["told"]["name"]) if kind == "query" else nodes[node]
            self.node_of.setdefault(name, node)
            path = self.folder / f"{node}.safetensors"
            answers.append([name, str(beside.unpacked(reply.content["answer"], path))])
        return {"answers": answers, "lost": lost, "late": late}

    def _carried(
        self, order: Path, kind: str, nodes: dict[int, str], patience: float
    ) -> tuple[dict[int, Message], list[str], list[str]]:
        """What came from which node, who is too late, and to whom nothing could be sent."""
        record = RecordDict({"order": beside.packed(order)})
        messages = [Message(record, dst_node_id=node, message_type=kind) for node in nodes]
        numbers = list(self.grid.push_messages(messages)) or [""] * len(nodes)
        waiting = {number: node for number, node in zip(numbers, nodes, strict=True) if number}
        unsent = [name for number, name in zip(numbers, nodes.values(), strict=True) if not number]
        replies: dict[int, Message] = {}
        deadline = time.monotonic() + patience
        while waiting and (not patience or time.monotonic() < deadline):
            time.sleep(LOOKS)
            for reply in self.grid.pull_messages(list(waiting)):
                replies[waiting.pop(reply.metadata.reply_to_message_id)] = reply
        return replies, [nodes[node] for node in waiting.values()], unsent
