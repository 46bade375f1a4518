"""How browsers of a room reach this machine: its address, and a certificate, for without https they give a page no
camera and no microphone."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import socket
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from engines import paths
from engines.contract import InputError, Problem
from engines.messages import _

DAYS = 30
"""That a certificate holds: a room is an afternoon, and browsers trust none that is longer than they like."""
NOWHERE = ("192.0.2.1", 9)
"""An address that RFC 5737 keeps for documentation: nothing is sent there, the system only says which way it would."""


def own_address() -> str:
    """The address of this machine in the local network; 127.0.0.1 where it is in none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(NOWHERE)
        return str(probe.getsockname()[0])
    return "127.0.0.1"


def require_free(address: str, port: int) -> None:
    """Raises InputError where this machine has no such address, or something listens there already."""
    try:
        family = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except (OSError, OverflowError) as error:
        found = _("nothing can listen there: {reason}", reason=getattr(error, "strerror", None) or str(error))
        accepted = _("accepted: an address of this machine, and a port that nothing else has (--port)")
        raise InputError(Problem(f"{address}:{port}", found, accepted)) from error


def certificate(address: str) -> tuple[Path, Path]:
    """A certificate for that address that this machine has signed itself, and its key, which its owner alone can read.

    The one from before is taken again while it holds, so that browsers which have accepted it ask no second time.
    """
    folder = paths.private_home() / "room-tls"
    folder.mkdir(exist_ok=True, mode=paths.PRIVATE_FOLDER)
    chain, key = folder / "certificate.pem", folder / "key.pem"
    if not (key.is_file() and _holds(chain, address)):
        _make(chain, key, address)
    return chain, key


def _names(address: str) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    try:
        own: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        own = x509.DNSName(address)
    return [*names, *([] if own in names else [own])]


def _holds(chain: Path, address: str) -> bool:
    """Whether the certificate is of that address and will be of use for another day."""
    try:
        found = x509.load_pem_x509_certificate(chain.read_bytes())
        known = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    tomorrow = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
    return found.not_valid_after_utc > tomorrow and all(name in known for name in _names(address))


def _make(chain: Path, key: Path, address: str) -> None:
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Headstart room")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName(_names(address)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(secret, hashes.SHA256())
    )
    plain = secret.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for file, content in ((key, plain), (chain, made.public_bytes(serialization.Encoding.PEM))):
        partial = file.with_name(f".{file.name}.partial")
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(content)
        partial.replace(file)
