"""Memory and energy, as far as this machine counts them. Light: it asks torch only where torch is there already."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from pathlib import Path
from typing import Any

POWERCAP = Path("/sys/class/powercap")
"""Where Linux shows RAPL's counters (Intel and AMD processors), one folder a package: 'intel-rapl:0'."""
KIB = 1024


# --- memory ---------------------------------------------------------------------------------------


def forget_peaks() -> None:
    """Peaks are counted from now on, where the system allows it; else since the process began."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM, see proc(5)
    if (torch := _torch_on_cuda()) is not None:
        torch.cuda.reset_peak_memory_stats()


def peak_memory() -> int | None:
    """Bytes of memory that this process held at most; None where the system does not tell."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("VmHWM:"))) * KIB
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * KIB


def peak_gpu_memory() -> int | None:
    """Bytes that torch held on the GPU at most; None where it used none."""
    torch = _torch_on_cuda()
    return None if torch is None else int(torch.cuda.max_memory_allocated())


def _torch_on_cuda() -> Any:
    torch = sys.modules.get("torch")
    return torch if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized() else None


# --- energy ---------------------------------------------------------------------------------------


class Energy:
    """What the machine's own counters say was used since this was made: by all that ran on it, not this run alone.

    Nothing is derived from a processor's nominal power: where no counter can be read, there is no number.
    """

    def __init__(self, powercap: Path = POWERCAP):
        self._zones = [zone for zone in sorted(powercap.glob("intel-rapl:*")) if zone.name.count(":") == 1]
        self._began = [_number(zone / "energy_uj") for zone in self._zones]
        self._gpus_began = _gpus()

    def joules(self) -> dict[str, float]:
        """'processor' and 'gpu' -> joules, as far as they are counted."""
        found: dict[str, float] = {}
        used = [_used(zone, began) for zone, began in zip(self._zones, self._began, strict=True)]
        if used and None not in used:
            found["processor"] = sum(filter(None, used)) / 1e6
        gpus = _gpus()
        if gpus and len(gpus) == len(self._gpus_began):
            found["gpu"] = (sum(gpus) - sum(self._gpus_began)) / 1e3
        return found


def _used(zone: Path, began: int | None) -> int | None:
    """Microjoules of a RAPL zone, whose counter begins at 0 again when it is full."""
    now = _number(zone / "energy_uj")
    if began is None or now is None:
        return None
    return now - began if now >= began else now - began + (_number(zone / "max_energy_range_uj") or 0)


def _number(path: Path) -> int | None:
    """None where the counter is not there, or only root may read it."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _gpus() -> list[int]:
    """Millijoules of each NVIDIA GPU since its driver was loaded (nvmlDeviceGetTotalEnergyConsumption, since Volta);
    empty where a GPU is missing or does not count."""
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return []
    count, found = ctypes.c_uint(), []
    if nvml.nvmlInit_v2() or nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)):
        return []
    for number in range(count.value):
        device, used = ctypes.c_void_p(), ctypes.c_ulonglong()
        if nvml.nvmlDeviceGetHandleByIndex_v2(number, ctypes.byref(device)):
            return []
        if nvml.nvmlDeviceGetTotalEnergyConsumption(device, ctypes.byref(used)):
            return []
        found.append(used.value)
    return found
