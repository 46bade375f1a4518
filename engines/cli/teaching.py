"""The verb of whoever teaches: a room."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Annotated

import typer

from engines import paths
from engines.cli.keeping import app
from engines.cli.options import Json
from engines.cli.printing import answer, say
from engines.contract import InputError, Problem
from engines.environment import number
from engines.jobs import room_end
from engines.jobs.backends import backend
from engines.messages import _
from engines.rooms import codes, ending, rooms
from engines.rooms.rooms import HOURS, Room

EVERYWHERE = "0.0.0.0"
OLD_SECONDS = 24 * 3600.0
"""After so long a room that is over is ended for good when the next one begins."""


@dataclass(frozen=True)
class Opened:
    """A room, and how the app is started for it."""

    room: Room
    token: str
    address: str
    """'https://192.168.1.7:8501'."""
    command: list[str]
    environment: dict[str, str]

    @property
    def link(self) -> str:
        """What everybody opens; the QR code says it."""
        return f"{self.address}/room?code={self.room.code}"

    @property
    def own_link(self) -> str:
        """What whoever teaches opens, once: their browser is known afterwards."""
        return f"{self.link}&teach={self.token}"


@app.command()
def room(
    name: Annotated[str, typer.Option(help=_("What the room is called."))] = "",
    hours: Annotated[float, typer.Option(help=_("How long it is open; it can be extended."))] = HOURS,
    port: Annotated[int, typer.Option(min=1, max=65535, help=_("Where the app listens."))] = 8501,
    address: Annotated[
        str | None, typer.Option(help=_("Which address of this machine; by default every one of the local network."))
    ] = None,
    http: Annotated[
        bool, typer.Option("--http", help=_("Without a certificate: browsers then give a page no camera."))
    ] = False,
    new: Annotated[bool, typer.Option("--new", help=_("A new room, though one is open."))] = False,
    as_json: Json = False,
) -> None:
    """Start the app for the people in this room: a code and a QR code to join by, and a page to run the room from."""
    _tidy()
    opened = prepare(name, hours, port, address, http, new)
    for line in told(opened):
        say(line, as_json)
    answer(
        {
            "room": opened.room.code,
            "address": opened.address,
            "join": opened.link,
            "teach": opened.own_link,
            "until": opened.room.until,
        },
        as_json,
    )
    sys.stdout.flush()
    os.environ.update(opened.environment)
    os.chdir(paths.PROJECT)
    if os.name != "nt":
        os.execv(opened.command[0], opened.command)  # so that Ctrl-C and signals reach the app itself
    raise typer.Exit(subprocess.call(opened.command))


def prepare(name: str, hours: float, port: int, address: str | None, http: bool, new: bool) -> Opened:
    """Opens a room, or goes on with the one that is open, and says how the app is started for it.

    Raises InputError where nothing can listen there, and as `rooms.open_room` does.
    """
    from engines.rooms import network  # what it signs certificates with takes a while to import

    listen, shown = address or EVERYWHERE, address or network.own_address()
    network.require_free(listen, port)
    url = f"{'http' if http else 'https'}://{f'[{shown}]' if ':' in shown else shown}:{port}"
    token = _token()
    going_on = None if new else next((found for found in rooms.every() if not found.over), None)
    if going_on:
        rooms.reached_at(going_on.code, url)
        rooms.add_token(going_on.code, token)
        found = rooms.find(going_on.code)
    else:
        found, token = rooms.open_room(name, hours, token, url)
    options = {"port": port, "address": listen, "headless": "true"}
    if not http:
        chain, key = network.certificate(shown)
        options |= {"sslCertFile": str(chain), "sslKeyFile": str(key)}
    words = [f"--server.{option}={value}" for option, value in options.items()]
    command = [sys.executable, "-m", "streamlit", "run", str(paths.PROJECT / "host.py"), *words]
    command += [f"--browser.serverAddress={shown}", "--server.showEmailPrompt=false"]
    environment = {
        "HEADSTART_PUBLIC": "1",
        "HEADSTART_INSTRUCTOR_TOKEN": token,
        "HEADSTART_MAX_QUEUED": str(number("HEADSTART_MAX_QUEUED", 10 * MEMBERS)),
    }
    return Opened(found, token, url, command, environment)


MEMBERS = 30
"""People that a room is made for: the queue takes ten runs of each."""


def told(opened: Opened) -> list[str]:
    """What is said in the terminal."""
    lines = [
        _("Room {code}  {name}", code=opened.room.code, name=opened.room.name).rstrip(),
        _("Open until {time}.", time=time.strftime("%H:%M", time.localtime(opened.room.until))),
        "",
        _picture(opened.link),
        "",
        _("To join:   {link}", link=opened.link),
        _("To teach:  {link}  (keep it: whoever has it runs the room)", link=opened.own_link),
        "",
    ]
    if opened.address.startswith("https"):
        lines.append(
            _(
                "Browsers warn once, for this machine has signed its certificate itself: choose “Advanced”, then "
                "“Continue”. Without https they give a page no camera and no microphone."
            )
        )
    else:
        lines.append(_("Without https browsers give a page no camera and no microphone; pictures can be uploaded."))
    lines.append(_("Ctrl-C stops the app; the room and what was made in it stay until you end the room on its page."))
    return lines


def _picture(link: str) -> str:
    """The link as a QR code in half blocks, two rows a line, with its quiet zone; light on dark as terminals are."""
    import segno

    code = segno.make(link, error="m", micro=False)
    rows = [list(row) for row in code.matrix_iter(border=2)]
    rows += [[0] * len(rows[0])] if len(rows) % 2 else []
    blocks = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}
    return "\n".join(
        "".join(blocks[int(bool(upper)), int(bool(lower))] for upper, lower in zip(*pair, strict=True))
        for pair in zip(rows[::2], rows[1::2], strict=True)
    )


def _token() -> str:
    """The one that is set for this host, else a new one."""
    said = os.environ.get("HEADSTART_INSTRUCTOR_TOKEN", "").strip()
    if said and not codes.hosts_token():
        raise InputError(
            Problem(
                _("environment variable HEADSTART_INSTRUCTOR_TOKEN"),
                _("it has {n} characters", n=len(said)),
                _("accepted: {fewest} or more", fewest=codes.FEWEST),
            )
        )
    return said or codes.new_token()


def _tidy() -> None:
    """Ends for good what was broken off, and rooms that have long been over."""
    old = [found.code for found in rooms.every() if time.time() - found.until > OLD_SECONDS]
    for code in {*old, *ending.begun()}:
        room_end.end(backend(), code)
