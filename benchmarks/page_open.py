"""What opening a page costs the server, beside a bare Streamlit page that shows one Plotly figure and one table.

    python benchmarks/page_open.py [--rounds 5] [--opens 8] [--page /vision] [--home DIR]

Both servers are measured in turn, round after round, with real Chromium: CPU time (user + system) of the server's
process from its start to the end of the first open, and of each further open by a new browser session. `--page` is
opened as a visitor without a run sees it. Each server is started once before it is measured, for Python to keep the
bytecode of what it imports, as it does wherever a program is started twice. The last column is ours over the bare
page's: the aim is 1.3 or less.
"""

from __future__ import annotations

import argparse
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from playwright.sync_api import Browser, sync_playwright

PROJECT = Path(__file__).resolve().parent.parent
CHROMIUM = "/usr/bin/chromium"
BARE = """
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

st.title("Bare")
x = list(range(12))
y = [1 - 0.8**i for i in x]
st.plotly_chart(go.Figure([go.Scatter(x=x, y=y), go.Scatter(x=x, y=[v / 2 for v in y])]))
st.dataframe(pd.DataFrame({"x": x, "y": y}))
"""


@contextmanager
def server(script: Path, home: Path) -> Iterator[tuple[psutil.Process, str]]:
    """A Streamlit server of its own on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(script),
        "--server.port",
        str(port),
        "--server.headless",
        "true",
        "--server.address",
        "127.0.0.1",
        "--server.fileWatcherType",
        "none",
        "--browser.gatherUsageStats",
        "false",
    ]
    environment = {**os.environ, "HEADSTART_HOME": str(home)}
    process = subprocess.Popen(
        command, cwd=script.parent, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_until_healthy(address)
        yield psutil.Process(process.pid), address
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_until_healthy(address: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("The server did not start within a minute.")


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def open_page(browser: Browser, address: str, charts: int) -> None:
    """A new session opens the page and waits until it is drawn."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=60_000)
    if charts:
        page.wait_for_function(f"document.querySelectorAll('.js-plotly-plot').length >= {charts}", timeout=60_000)
    page.wait_for_load_state("networkidle")
    context.close()


def one_round(
    browser: Browser, script: Path, home: Path, page: str, charts: int, opens: int
) -> tuple[float, list[float]]:
    """(CPU seconds of start and first open, CPU seconds of each further open)."""
    with server(script, home) as (process, address):
        open_page(browser, address + page, charts)
        first = cpu_seconds(process)
        further = []
        for _ in range(opens):
            before = cpu_seconds(process)
            open_page(browser, address + page, charts)
            further.append(cpu_seconds(process) - before)
    return first, further


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--opens", type=int, default=8)
    parser.add_argument("--page", default="/vision")
    parser.add_argument("--home", type=Path, help="a HEADSTART_HOME with runs in it (default: an empty one)")
    parser.add_argument("--charts", type=int, help="plots to wait for (default: 3 on a result, else 0)")
    given = parser.parse_args()
    shows_result = "run=" in given.page or (given.page == "/vision" and (PROJECT / "showcase/index.json").is_file())
    charts = given.charts if given.charts is not None else 3 if shows_result else 0
    first: dict[str, list[float]] = {"bare": [], "ours": []}
    further: dict[str, list[float]] = {"bare": [], "ours": []}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        home = given.home or Path(folder) / "home"
        os.environ["PYTHONPYCACHEPREFIX"] = str(Path(folder) / "bytecode")
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        servers = (("bare", bare, "/", 1), ("ours", PROJECT / "app.py", given.page, charts))
        for _, script, page, wanted in servers:
            one_round(browser, script, home, page, wanted, opens=0)
        for _ in range(given.rounds):
            for name, script, page, wanted in servers:
                start, opens = one_round(browser, script, home, page, wanted, given.opens)
                first[name].append(start)
                further[name].extend(opens)
        browser.close()
    print(
        f"{given.page}, {given.rounds} rounds, {given.opens} further opens each; {platform.machine()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}. Medians of CPU milliseconds of the server.\n"
    )
    print(f"{'':28}{'bare':>8}{'ours':>8}{'ratio':>8}")
    for title, found in (("start and first open", first), ("each further open", further)):
        a, b = (1000 * statistics.median(found[name]) for name in ("bare", "ours"))
        print(f"{title:28}{a:8.0f}{b:8.0f}{b / a:8.2f}")


if __name__ == "__main__":
    main()
