"""The machines that people bring: what pip calls their wheels, and what a requirement's marker sees there."""

from __future__ import annotations

from dataclasses import dataclass

PYTHON = "3.11"


@dataclass(frozen=True, eq=False)
class Platform:
    """One kind of machine."""

    name: str
    title: str
    tags: tuple[str, ...]
    """What wheels for it may be called, as `pip --platform` takes it."""
    markers: dict[str, str]
    """As PEP 508 names them. pip has no option for these: it answers them with the machine that it runs on."""

    @property
    def options(self) -> list[str]:
        """For `pip install --target` and `pip download`: wheels for this platform, and nothing that would be built."""
        chosen = ["--only-binary=:all:", "--implementation", "cp", "--python-version", PYTHON]
        return [*chosen, *(word for tag in self.tags for word in ("--platform", tag))]


def _markers(os_name: str, sys_platform: str, system: str, machine: str) -> dict[str, str]:
    return {
        "os_name": os_name,
        "sys_platform": sys_platform,
        "platform_system": system,
        "platform_machine": machine,
        "platform_release": "",
        "platform_version": "",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
        "implementation_version": f"{PYTHON}.0",
        "python_version": PYTHON,
        "python_full_version": f"{PYTHON}.0",
    }


_GLIBC = ("manylinux1", "manylinux2010", "manylinux2014", *(f"manylinux_2_{minor}" for minor in range(5, 35)))

PLATFORMS = {
    own.name: own
    for own in (
        Platform(
            "manylinux_x86_64",
            "Linux on Intel or AMD, glibc 2.34 or newer (Ubuntu 22.04, Debian 12, Fedora 35)",
            tuple(f"{kind}_x86_64" for kind in (*_GLIBC, "linux")),
            _markers("posix", "linux", "Linux", "x86_64"),
        ),
        Platform(
            "win_amd64", "Windows 10 or 11 on Intel or AMD", ("win_amd64",), _markers("nt", "win32", "Windows", "AMD64")
        ),
        Platform(
            "macosx_arm64",
            "macOS 14 or newer on Apple silicon",
            ("macosx_14_0_arm64",),
            _markers("posix", "darwin", "Darwin", "arm64"),
        ),
    )
}
