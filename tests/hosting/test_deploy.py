"""The files of deploy/: what they copy is there, whom they run as, what they leave writable."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from engines import paths

DEPLOY = paths.PROJECT / "deploy"
DOCKERFILES = [paths.PROJECT / "Dockerfile", DEPLOY / "Dockerfile.showcase"]


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: str(file.name))
def test_a_container_copies_what_is_there_and_runs_as_a_plain_user(file: Path) -> None:
    text = file.read_text(encoding="utf-8").replace("\\\n", " ")
    copied = [name for line in re.findall(r"^COPY (.+)$", text, re.MULTILINE) for name in line.split()[:-1]]
    assert copied
    assert [name for name in copied if not (paths.PROJECT / name).exists()] == []
    users = re.findall(r"^USER (\S+)$", text, re.MULTILINE)
    assert users[-1] == "1000"
    assert text.index("USER 1000") < text.index("\nCMD ")
    assert "HEADSTART_HOME=/data" in text
    assert "HOME=/data" in text.replace("HEADSTART_HOME=/data", "")


def test_the_showcases_container_has_all_that_pages_import() -> None:
    """What lies beside app.py and is imported by pages is copied."""
    text = (DEPLOY / "Dockerfile.showcase").read_text(encoding="utf-8")
    for needed in (
        "app.py",
        "host.py",
        ".streamlit",
        "engines",
        "ui",
        "pages",
        "showcase",
        "requirements-showcase.txt",
    ):
        assert re.search(rf"^COPY .*{re.escape(needed)}\b", text, re.MULTILINE), needed


def test_kubernetes_runs_one_plain_user_on_a_read_only_root() -> None:
    told: dict[str, Any] = {
        part["kind"]: part for part in yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8"))
    }
    deployment = told["Deployment"]["spec"]
    assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})
    pod = deployment["template"]["spec"]
    assert pod["securityContext"]["runAsUser"] == 1000
    (app,) = pod["containers"]
    assert app["securityContext"]["readOnlyRootFilesystem"] is True
    mounted = {mount["name"] for mount in app["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}
    assert told["NetworkPolicy"]["spec"]["egress"] == []
    app_limit = re.search(
        r"maxUploadSize = (\d+)", (paths.PROJECT / ".streamlit/config.toml").read_text(encoding="utf-8")
    )
    assert app_limit
    annotations = told["Ingress"]["metadata"]["annotations"]
    assert annotations["nginx.ingress.kubernetes.io/proxy-body-size"] == f"{app_limit[1]}m"


def test_the_service_runs_as_its_own_user_and_writes_to_its_home_alone() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(DEPLOY / "headstart.service", encoding="utf-8")
    service = unit["Service"]
    assert service["User"] == "headstart"
    assert service["ProtectSystem"] == "strict"
    assert "HEADSTART_PUBLIC=1" in service["Environment"]
    assert "HEADSTART_HOME=/var/lib/headstart" in service["Environment"]
    assert service["KillMode"] == "process"
