"""Who a visitor is: a random name in a signed cookie, or their account where people log in; never an address."""

from __future__ import annotations

import functools
import hashlib
import hmac
import json
import os
import re
import secrets
from collections import OrderedDict
from pathlib import Path

from engines import paths
from engines.contract import Problem
from engines.messages import _

COOKIE = "headstart_visitor"
NAME = re.compile(r"[A-Za-z0-9_-]{22}")
KEY_BYTES = 32
KEEP_SECONDS = 30 * 24 * 3600
MOST_ACCOUNTS = 20_000


def new_cookie() -> str:
    """For somebody who comes for the first time."""
    name = secrets.token_urlsafe(16)
    return f"{name}.{_signature(name)}"


def visitor_of(cookie: str | None) -> str | None:
    """The visitor of a cookie that we have made; None for any other.

    It is a digest of the name in the cookie: what is kept of a visitor opens nothing.
    """
    name, _, signature = (cookie or "").partition(".")
    if not NAME.fullmatch(name) or not hmac.compare_digest(signature.encode(), _signature(name).encode()):
        return None
    return hashlib.sha256(name.encode()).hexdigest()[:24]


def unknown() -> Problem:
    """What is said to whoever brings or starts something and is nobody that this host knows."""
    return Problem("visitor", _("this browser keeps no cookie"), _("allow it one, and load the page again"))


def account(issuer: str, subject: str) -> str:
    """The visitor that an account of an OpenID Connect provider is: its `iss` and `sub`, which together name it.

    With this host's own key in it, so that nobody who reads what is kept can try accounts that they know.
    """
    said = json.dumps(["account", issuer, subject]).encode()
    return hmac.new(_secret(paths.private_home()), said, hashlib.sha256).hexdigest()[:24]


_accounts: OrderedDict[str, str] = OrderedDict()
"""Visitor by their cookie -> visitor by their account, of those whose pages this process has drawn."""


def remember_account(by_cookie: str, account: str) -> None:
    """From now on the browser with that cookie acts as this account; as none, where that is empty."""
    _accounts.pop(by_cookie, None)
    if account:
        _accounts[by_cookie] = account
        while len(_accounts) > MOST_ACCOUNTS:
            _accounts.popitem(last=False)


def account_of(by_cookie: str | None) -> str | None:
    """Whom the browser with that cookie is logged in as, as far as its last page told; None where as nobody."""
    return _accounts.get(by_cookie or "")


def _signature(name: str) -> str:
    return hmac.new(_secret(paths.private_home()), name.encode(), hashlib.sha256).hexdigest()


@functools.cache
def _secret(home: Path) -> bytes:
    """The key that cookies are signed with, made once a home. Only its owner can read it."""
    file, partial = home / "cookies.key", home / f"cookies.{secrets.token_hex(4)}.partial"
    if file.is_file() and file.stat().st_size < KEY_BYTES:  # cut by a crash: half a key is easier to guess
        file.unlink()
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as fresh:
            fresh.write(secrets.token_bytes(KEY_BYTES))
        os.link(partial, file)  # whole or not at all
    except FileExistsError:  # another process was first, or an earlier start
        pass
    except OSError:  # a disk without links
        if not file.exists():
            partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    return file.read_bytes()
