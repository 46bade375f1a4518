"""What `make workshop` makes: gigabytes to carry for each kind of machine, and how long a laptop installs it offline.

    python benchmarks/workshop.py all [--made]

The folder build/workshop is made first, or brought up to date, which needs a network. Then install.sh runs in a network
namespace of its own (`unshare -n`: not even a loopback), into a new folder that is removed afterwards; there the digits
sample is written and checked, and the model of the offline pack learns a head on it. Seconds are wall clock; CPU
seconds stand beside them, for other processes may use the machine. As root, on Linux.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.performance_page import parser, publish, table
from scripts.workshop import __main__ as workshop
from scripts.workshop import bundle
from scripts.workshop.platforms import PLATFORMS

ALONE = ("unshare", "-n")


def timed(command: list[str], cwd: Path, **settings: str) -> tuple[float, float]:
    """Wall-clock and CPU seconds, without a network. Raises CalledProcessError."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    subprocess.run([*ALONE, *command], cwd=cwd, env=kept | settings, check=True, stdout=sys.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - start, cpu


def tried(python: Path, app: Path, place: Path) -> dict[str, tuple[float, float]]:
    """What one does first: seconds of each."""
    headstart = [str(python), "-m", "engines"]
    digits = str(place / "samples" / "vision.classification" / "digits")
    fit = ["fit", "vision.classification", "--data", digits, "--epochs", "1", "--out", str(place / "run")]
    steps = {
        "the samples of vision": ["samples", "vision", "--out", str(place / "samples")],
        "the digits checked": ["check", "vision.classification", "--data", digits],
        "a head learnt on them, 1 epoch": fit,
    }
    home = str(place / "home")
    return {title: timed([*headstart, *words], app, HEADSTART_HOME=home) for title, words in steps.items()}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("platforms", nargs="*", help=f"all, or of {', '.join(PLATFORMS)}")
    options.add_argument("--made", action="store_true", help="the folder is there already: only install from it")
    given = options.parse_args()
    out = bundle.ROOT / "build" / "workshop"
    if not given.made and workshop.main(given.platforms):
        sys.exit(1)
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    sizes = [
        (
            PLATFORMS[name].title,
            f"{len(own['packages'])}",
            f"{own['bytes'] / 1e9:.2f} GB",
            f"{own['installed_bytes'] / 1e9:.2f} GB",
        )
        for name, own in manifest["platforms"].items()
    ]
    with tempfile.TemporaryDirectory(dir=out.parent, prefix="installed-") as place:
        target = Path(place) / "headstart"
        took = {"install.sh": timed(["sh", str(out / "install.sh"), str(target)], out)}
        took |= tried(target / "python" / "bin" / "python", target / "app", Path(place))
        shutil.rmtree(target)
    rows = [(title, f"{wall:.0f} s", f"{cpu:.0f} s") for title, (wall, cpu) in took.items()]
    load = "load of the machine (1, 5, 15 minutes) at the end: " + ", ".join(f"{own:.1f}" for own in os.getloadavg())
    text = "\n\n".join(
        [
            table(("for", "wheels", "wheels to carry", "unpacked"), sizes),
            table(("without a network, on Linux", "took", "CPU"), rows),
            f"One run each; {load}.",
        ]
    )
    publish(text, write=given.write)


if __name__ == "__main__":
    main()
