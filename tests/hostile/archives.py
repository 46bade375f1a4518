"""Archives that lie, lead out of where they are unpacked, or never end. Each also holds eight good pictures."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from random import Random

from tests.hostile.kinds import cut, damaged, kind
from tests.hostile.pictures import VISION, drawn


def good(rng: Random) -> dict[str, bytes]:
    """Eight pictures in two classes."""
    return {f"{name}/{n}.png": drawn(rng) for name in ("cat", "dog") for n in range(4)}


def packed(members: dict[str, bytes] | list[tuple[zipfile.ZipInfo | str, bytes]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items() if isinstance(members, dict) else members:
            archive.writestr(name, content)
    return out.getvalue()


@kind(".zip", VISION, whole=True, plain="wrong")
def names_that_lead_out(rng: Random) -> bytes:
    ways = ("../../{}.png", "/tmp/{}.png", "C:\\{}.png", "cat/../../../{}.png", "..\\..\\{}.png", "cat/\x00{}.png")
    return packed({**good(rng), **{way.format(rng.randrange(9**9)): drawn(rng) for way in ways}})


@kind(".zip", VISION, whole=True)
def links_and_devices(rng: Random) -> bytes:
    members: list[tuple[zipfile.ZipInfo | str, bytes]] = list(good(rng).items())
    for name, mode in (("cat/link.png", stat.S_IFLNK), ("cat/pipe.png", stat.S_IFIFO), ("dog/disk.png", stat.S_IFBLK)):
        info = zipfile.ZipInfo(name)
        info.external_attr = (mode | 0o777) << 16
        members.append((info, b"/etc/passwd"))
    return packed(members)


@kind(".zip", VISION, whole=True, slow=True)
def one_member_packed_a_thousandfold(rng: Random) -> bytes:
    return packed({**good(rng), "cat/bomb.png": bytes(rng.randrange(200, 300) << 20)})


@kind(".zip", VISION, whole=True, slow=True)
def members_that_share_their_bytes(rng: Random) -> bytes:
    """As Fifield's bomb does: many entries of the directory point at one packed member."""
    body = packed({"a.png": bytes(9 << 20)})
    end = body.rindex(b"PK\5\6")
    start = struct.unpack("<I", body[end + 16 : end + 20])[0]
    entry, many = body[start:end], rng.randrange(1_000, 2_000)
    entries = b"".join(entry[:46] + f"{n:05}"[-5:].encode() + entry[51:] for n in range(many))
    counted = struct.pack("<HHII", many, many, len(entries), start)
    return body[:start] + entries + body[end : end + 8] + counted + body[end + 20 :]


@kind(".zip", VISION, whole=True, plain="wrong")
def folders_two_hundred_deep(rng: Random) -> bytes:
    return packed({**good(rng), "/".join(["d"] * rng.randrange(200, 900)) + "/a.png": drawn(rng)})


@kind(".zip", VISION, whole=True, plain="reads")
def archive_in_archive_in_archive(rng: Random) -> bytes:
    inner = packed({"x.bin": bytes(1 << 20)})
    for _ in range(rng.randrange(3, 9)):
        inner = packed({"again.zip": inner})
    return packed({**good(rng), "cat/again.zip": inner})


@kind(".zip", VISION, whole=True)
def checksum_that_does_not_match(rng: Random) -> bytes:
    members = good(rng)
    whole = packed({**members, "cat/wrong.png": b"a" * 4000})
    at = whole.rindex(b"cat/wrong.png") - 46 + 16
    return whole[:at] + rng.randbytes(4) + whole[at + 4 :]


@kind(".zip", VISION, whole=True)
def archive_cut_short(rng: Random) -> bytes:
    return cut(packed(good(rng)), rng)


@kind(".zip", VISION, whole=True)
def archive_damaged(rng: Random) -> bytes:
    return damaged(packed(good(rng)), rng, 3)


@kind(".zip", VISION, whole=True, slow=True, plain="reads")
def hundred_thousand_empty_members(rng: Random) -> bytes:
    return packed({**good(rng), **{f"cat/{n}.txt": b"" for n in range(rng.randrange(20_000, 30_000))}})


@kind(".zip", VISION, whole=True)
def names_that_are_markup(rng: Random) -> bytes:
    evil = (
        "<img src=x onerror=alert(1)>",
        "=cmd|' /C calc'!A0",
        "[x](javascript:alert(1))",
        "\u202egnp.exe",
        "a" * 300,
    )
    return packed({f"{name} {rng.randrange(9)}/{n}.png": drawn(rng) for name in evil for n in range(4)})
