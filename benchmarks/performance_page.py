"""Where the benchmarks write what they measured: their own sections of a page in docs/.

A section stands between `<!-- frozen.py -->` and `<!-- end of frozen.py -->`; what stands around them is written by
hand. `--write` replaces the benchmark's own section and nothing else, so the page cannot say what no script gave.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PERFORMANCE = ROOT / "docs/performance.md"


def parser(doc: str | None) -> argparse.ArgumentParser:
    """Arguments of a benchmark: `--write` and what it adds itself."""
    arguments = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    arguments.add_argument("--write", action="store_true", help="also put the numbers into docs/performance.md")
    return arguments


def publish(text: str, *, write: bool, page: Path = PERFORMANCE, part: str = "") -> None:
    """Prints `text` (Markdown) under the machine, the date and the command; with `write`, puts it into the page too.
    `part`: which of the script's sections, where it has several ('<!-- frozen.py PART -->')."""
    script = Path(sys.argv[0]).name
    command = " ".join(word for word in [script, *sys.argv[1:]] if word != "--write")
    text = f"{text.strip()}\n\n`benchmarks/{command}`, {datetime.date.today():%d %B %Y}, {machine()}."
    print(text)
    if write:
        section = f"{script} {part}".strip()
        page.write_text(replaced(page.read_text(encoding="utf-8"), section, text), encoding="utf-8")


def replaced(page: str, script: str, text: str) -> str:
    """`page` with the section of `script` replaced by `text`. Raises ValueError when the page has no such section."""
    first, last = f"<!-- {script} -->", f"<!-- end of {script} -->"
    if page.count(first) != 1 or page.count(last) != 1 or page.index(first) > page.index(last):
        raise ValueError(f"the page must hold {first} and, after it, {last} once each")
    before, rest = page.split(first)
    return f"{before}{first}\n{text}\n{last}{rest.split(last)[1]}"


def table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def machine() -> str:
    """Processor, cores and the versions that numbers depend on."""
    names = ("torch", "onnxruntime", "fastai", "lightning")
    versions = ", ".join(f"{name} {found}" for name in names if (found := installed(name)))
    return f"{processor()}, {os.cpu_count()} virtual cores, no GPU used; Python {platform.python_version()}, {versions}"


@functools.cache
def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def installed(package: str) -> str | None:
    try:
        return version(package).split("+")[0]
    except PackageNotFoundError:
        return None


def busy() -> str:
    """What else the machine did meanwhile, as a remark for numbers in wall time."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return f"load average {load:.1f} on {os.cpu_count()} cores"
