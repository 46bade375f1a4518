"""Brings ONNX Runtime Web into engines/exports/web: one thread on the processor, which is what every browser has.

    python scripts/onnxruntime_web.py

It asks npm for the package (`npm pack`), compares its digest with the one below, packs the two files that a page needs
with xz, and writes runtime.json with what each is once it is unpacked. For another version, change both constants.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import subprocess
import sys
import tarfile
import tempfile
from importlib.util import find_spec
from pathlib import Path

VERSION = "1.30.0"
PACKAGE = "d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71"
FILES = {"ort.mjs.js": "ort.wasm.bundle.min.mjs", "ort.wasm": "ort-wasm-simd-threaded.wasm"}
"""What a file is called here -> in the package. `.js`, since small web servers know no other ending of a script."""
FOLDER = Path(__file__).resolve().parents[1] / "engines" / "exports" / "web"


def main() -> int:
    runtime = find_spec("onnxruntime")
    assert runtime is not None
    assert runtime.origin is not None
    with tempfile.TemporaryDirectory() as place:
        command = ["npm", "pack", "--silent", f"onnxruntime-web@{VERSION}"]
        subprocess.run(command, cwd=place, check=True, stdout=subprocess.DEVNULL)
        package = next(Path(place).glob("*.tgz"))
        found = hashlib.sha256(package.read_bytes()).hexdigest()
        if found != PACKAGE:
            print(f"The package is another one than expected: its SHA-256 is {found}.", file=sys.stderr)
            return 1
        files = {}
        with tarfile.open(package) as archive:
            for name, theirs in FILES.items():
                member = archive.extractfile(f"package/dist/{theirs}")
                assert member is not None
                content = member.read()
                packed = lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)
                (FOLDER / f"{name}.xz").write_bytes(packed)
                sha256 = hashlib.sha256(content).hexdigest()
                files[name] = {"from": theirs, "bytes": len(content), "sha256": sha256}
                print(f"{name}: {len(content):,} bytes, {len(packed):,} packed")
    told = {"package": "onnxruntime-web", "version": VERSION, "licence": "MIT", "sha256": PACKAGE, "files": files}
    (FOLDER / "runtime.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    licence = Path(runtime.origin).with_name("LICENSE").read_text(encoding="utf-8")  # the same project's
    (FOLDER / "ort-licence.txt").write_text(licence.replace("\r\n", "\n"), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
