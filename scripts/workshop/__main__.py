"""`make workshop`: what laptops need without a network, in one folder to carry.

    make workshop                                    for a machine like this one
    make workshop PLATFORMS="win_amd64 macosx_arm64" for those
    make workshop PLATFORMS=all ARGS="--out /media/stick/headstart"
    python make.py workshop --dry-run all            which wheels there would be, and nothing is fetched

It fetches 3.6 GB for Linux and 0.7 GB for each of the others; what is in the folder already is not fetched again.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from scripts.workshop import bundle
from scripts.workshop.platforms import PLATFORMS
from scripts.workshop.wheels import Unresolved

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")
HERE = {"linux": "manylinux_x86_64", "win32": "win_amd64", "darwin": "macosx_arm64"}


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="make.py workshop", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("platforms", nargs="*", metavar="PLATFORM", help=f"all, or of {', '.join(PLATFORMS)}")
    parser.add_argument("--out", type=Path, default=bundle.ROOT / "build" / "workshop", help="the folder to fill")
    parser.add_argument("--dry-run", action="store_true", help="say which wheels each platform needs, and fetch none")
    asked = parser.parse_args(words)
    names = asked.platforms or [HERE.get(sys.platform, "manylinux_x86_64")]
    names = list(PLATFORMS) if names == ["all"] else names
    if unknown := [name for name in names if name not in PLATFORMS]:
        parser.error(f"there are wheels for {', '.join(PLATFORMS)} and for all of them; found: {' '.join(unknown)}")
    project = bundle.Project(bundle.ROOT)
    try:
        resolved = {}
        for name in names:
            print(f"Which wheels {name} needs …", flush=True)
            resolved[PLATFORMS[name]] = found = project.resolved(PLATFORMS[name], PIP)
            print(f"{len(found.wheels)} wheels, to build: {', '.join(found.sources) or 'none'}", flush=True)
        if asked.dry_run:
            return 0
        asked.out.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(asked.out).free / 1e9
        if free < bundle.MOST_GB * len(names):
            print(f"{asked.out}: {free:.1f} GB are free; up to {bundle.MOST_GB:.0f} are needed for each platform.")
            return 1
        sizes = bundle.make(asked.out, project, resolved, PIP)
    except Unresolved as problem:
        print(problem, file=sys.stderr)
        return 1
    for name, own in sizes.items():
        print(f"{name}: {own['bytes'] / 1e9:.2f} GB to carry, {own['installed_bytes'] / 1e9:.2f} GB when installed")
    print(f"Everything is in {asked.out}; README.txt in it says what to do with it.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
