"""What sites that mask their sums agree on beforehand: who takes part, the classes, and a secret of each pair.

Each site makes a pair of keys (X25519) and hands out the public one. One agreement, a JSON file that is no secret,
holds all public keys and the classes. A pair's secret is what both can work out of their own private key and the
other's public one (RFC 7748), stretched with the agreement's SHA-256 (HKDF, RFC 5869), so that another agreement is
another secret. Whoever could put keys of their own into the agreement could read a site's file: its fingerprint should
be compared by voice.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from engines.contract import InputError, Problem
from engines.data.class_names import clean
from engines.messages import _

SCHEMA = 1
PURPOSE = b"headstart federate masks 1 "
FEWEST, MOST = 2, 1000
MOST_BYTES = 1 << 22
LONGEST = 60
RAW = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)


@dataclass(frozen=True)
class Agreement:
    """Who takes part, and with which classes."""

    sites: dict[str, str]
    """Name -> public key, hexadecimal, by name."""
    classes: list[str]
    """Sorted."""

    @property
    def digest(self) -> str:
        """SHA-256 of all of it."""
        told = json.dumps([sorted(self.sites.items()), self.classes], ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(told.encode()).hexdigest()

    @property
    def fingerprint(self) -> str:
        """Its beginning, to read out."""
        return " ".join(self.digest[at : at + 4] for at in range(0, 20, 4))

    def secrets(self, key: Key) -> list[tuple[int, bytes]]:
        """Of each other site: whether this one adds (1) or subtracts (-1) what the secret of both, 32 bytes, gives.
        Raises InputError for a public key that is none."""
        found = []
        for name, public in self.sites.items():
            if name == key.site:
                continue
            try:
                shared = key.private.exchange(X25519PublicKey.from_public_bytes(bytes.fromhex(public)))
            except ValueError:  # a point of low order: everybody would know the secret
                raise _no_key(_("the agreement"), name) from None
            stretched = HKDF(hashes.SHA256(), 32, salt=None, info=PURPOSE + self.digest.encode()).derive(shared)
            found.append((1 if key.site < name else -1, stretched))
        return found


@dataclass(frozen=True)
class Key:
    """A site's own, which never leaves it."""

    path: Path
    site: str
    private: X25519PrivateKey
    used: dict[str, str]
    """Agreement -> SHA-256 of the one vector of sums that was masked under it."""

    @property
    def public(self) -> str:
        return self.private.public_key().public_bytes(*RAW).hex()

    def use(self, agreement: Agreement, sums: bytes) -> None:
        """Notes in the key's file what was masked. Raises InputError where other sums were: with the same masks the
        difference of both would lie open."""
        own = hashlib.sha256(sums).hexdigest()
        if self.used.get(agreement.digest, own) != own:
            found = _("other sums have been masked with it under this agreement: the difference of both would lie open")
            accepted = _("accepted: new keys at every site, and a new agreement")
            raise InputError(Problem(self.path.name, found, accepted))
        _write_key(self.path, self.site, self.private, self.used | {agreement.digest: own})


def new_key(site: str, out: Path) -> Path:
    """Makes a site's keys: the private one is `out`, which its owner alone can read, the public one beside it ends in
    .pub and is returned. Raises InputError."""
    name = _name(site)
    public = out.with_suffix(".pub")
    for path in (out, public):
        if path.exists() or out.suffix == ".pub":
            found = _("it is there already, and a lost key cannot be had back")
            raise InputError(Problem(path.name, found, _("accepted: a new file, such as {name}.key", name=name)))
    private = X25519PrivateKey.generate()
    out.parent.mkdir(parents=True, exist_ok=True)
    _write_key(out, name, private, {})
    told = {"schema": SCHEMA, "site": name, "public": private.public_key().public_bytes(*RAW).hex()}
    public.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
    return public


def agree(publics: Sequence[Path], classes: Sequence[str], out: Path) -> Agreement:
    """Writes the agreement `out` of the sites whose public keys these are. Raises InputError."""
    sites: dict[str, str] = {}
    for path in publics:
        told = _read(path)
        if "private" in told:
            found = _("it is a private key, which never leaves its site")
            raise InputError(Problem(path.name, found, _("accepted: the file beside it that ends in .pub")))
        name = _name(told.get("site"))
        if name in sites:
            found = _("site {name!r} is there twice", name=name)
            raise InputError(Problem(path.name, found, _("accepted: each site once")))
        sites[name] = str(told.get("public"))
    made = _checked(out.name, sites, list(classes))
    told = {"schema": SCHEMA, "sites": made.sites, "classes": made.classes}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(told, indent=1, ensure_ascii=False), encoding="utf-8")
    return made


def read(path: Path) -> Agreement:
    """Raises InputError."""
    told = _read(path)
    return _checked(path.name, told.get("sites"), told.get("classes"))


def read_key(path: Path, agreement: Agreement) -> Key:
    """A site's own key. Raises InputError where the agreement has no such site, or another key of it."""
    told = _read(path)
    accepted = _("accepted: the key that `headstart federate key` has written, of a site of the agreement")
    try:
        private = X25519PrivateKey.from_private_bytes(bytes.fromhex(told["private"]))
        key = Key(path, str(told["site"]), private, {str(one): str(sums) for one, sums in told["used"].items()})
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError(Problem(path.name, _("it is no private key"), accepted)) from None
    if agreement.sites.get(key.site) != key.public:
        found = _("the agreement has no site {name!r} with this key", name=key.site)
        raise InputError(Problem(path.name, found, accepted))
    return key


def _write_key(path: Path, site: str, private: X25519PrivateKey, used: dict[str, str]) -> None:
    raw = private.private_bytes(RAW[0], serialization.PrivateFormat.Raw, serialization.NoEncryption())
    told = {"schema": SCHEMA, "site": site, "private": raw.hex(), "used": used}
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(told, file, ensure_ascii=False)
    partial.replace(path)


def _read(path: Path) -> dict[str, Any]:
    accepted = _("accepted: a file as `headstart federate key` and `agree` write it")
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError
        told = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(told, dict) or told["schema"] != SCHEMA:
            raise ValueError
    except (OSError, ValueError, KeyError, RecursionError):
        raise InputError(Problem(path.name, _("it cannot be read"), accepted)) from None
    return told


def _name(site: Any) -> str:
    name = clean(site) if isinstance(site, str) else ""
    if not 0 < len(name) <= LONGEST:
        found = _("found {value}", value=repr(site)[:80])
        raise InputError(Problem(_("a site's name"), found, _("accepted: 1 to {most} letters", most=LONGEST)))
    return name


def _no_key(where: str, name: str) -> InputError:
    found = _("site {name!r} has no public key", name=name)
    return InputError(Problem(where, found, _("accepted: as `headstart federate key` has written it")))


def _checked(where: str, sites: Any, classes: Any) -> Agreement:
    if not isinstance(sites, dict) or not FEWEST <= len(sites) <= MOST:
        found = _("it does not name the sites")
        raise InputError(Problem(where, found, _("accepted: {fewest} to {most} sites", fewest=FEWEST, most=MOST)))
    for name, public in sites.items():
        try:
            fits = _name(name) == name and len(bytes.fromhex(public)) == 32
        except (TypeError, ValueError):
            fits = False
        if not fits:
            raise _no_key(where, name)
    if len(set(sites.values())) < len(sites):
        raise InputError(Problem(where, _("two sites have the same key"), _("accepted: each site once")))
    texts = classes if isinstance(classes, list) and all(isinstance(one, str) for one in classes) else []
    names = sorted({clean(one) for one in texts} - {""})
    if len(names) < 2 or len(names) < len(texts) or len({name.casefold() for name in names}) < len(names):
        found = _("it does not name the classes")
        accepted = _("accepted: two classes or more, each by one name")
        raise InputError(Problem(where, found, accepted))
    return Agreement(dict(sorted(sites.items())), names)
