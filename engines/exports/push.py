"""A model onto the Hugging Face hub, or another that speaks its protocol: the files of an export, never the data.

The token is passed on to the hub and kept nowhere: not in a file, not in a log, not in a run.
"""

from __future__ import annotations

import re
from pathlib import Path

from engines import weights
from engines.contract import InputError, Problem, Task
from engines.environment import public
from engines.messages import _

OF_A_MODEL = ("safetensors", "onnx", "sb3", "web")
"""Formats that hold none of the data, in the order in which one is chosen."""
NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
HERE = _("accepted: a Headstart of your own, with a network")


def formats(task: Task) -> list[str]:
    """Those that may leave: without a word of the data."""
    return [name for name in OF_A_MODEL if name in task.info.exports]


def require_possible(task: Task, to: str, format: str | None = None) -> str:
    """The format that would be sent. Raises InputError where nothing may or can be: before anything is made."""
    offered = formats(task)
    chosen = format or offered[0]
    if chosen not in offered:
        accepted = _("accepted: {formats}", formats=", ".join(offered))
        raise InputError(Problem("format", _("{format} is not sent: it may hold your data", format=chosen), accepted))
    if NAME.fullmatch(to) is None:
        found = _("{name!r} is no name of a repository", name=to)
        raise InputError(Problem("to", found, _("accepted: your name, a slash and the model's, as in anna/leaves")))
    if public():
        raise InputError(Problem(to, _("a public host sends nothing to other servers"), HERE))
    if not weights.hub_reachable():
        raise InputError(Problem(to, _("the hub cannot be reached"), HERE))
    return chosen


def upload(folder: Path, to: str, token: str, *, private: bool = True) -> str:
    """Sends all files of `folder` in one commit to the repository `to`, which is made where there is none; its address.

    `private`: of a new one, only its owner sees it; one that is there stays as it is. Raises InputError where the hub
    does not take it.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HTTPError

    hub = HfApi(token=token.strip())
    try:
        address = hub.create_repo(to, private=private, exist_ok=True)
        hub.upload_folder(repo_id=to, folder_path=folder, commit_message="A model that Headstart fine-tuned")
    except HfHubHTTPError as error:
        raise _refused(to, error.response.status_code) from None
    except (HTTPError, OSError):
        raise InputError(Problem(to, _("the hub could not be reached to the end"), _("try it again"))) from None
    except ValueError:  # of a token or a name that cannot be one
        raise _refused(to, 400) from None
    return str(address)


def _refused(to: str, status: int) -> InputError:
    if status in {401, 403}:
        found = _("the hub does not know this token, or it may not write there")
        return InputError(Problem(to, found, _("accepted: a token with write access, of whoever the repository is")))
    found = _("the hub did not take it (it answered {status})", status=status)
    return InputError(Problem(to, found, _("try it again later, or another name")))
