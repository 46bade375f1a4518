"""deploy/kuberay.yaml against the part of KubeRay's schema that it uses, copied by hand: no cluster is asked."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from engines import paths, registry

SCHEMA = json.loads(Path(__file__).with_name("rayjob.schema.json").read_text(encoding="utf-8"))


def rayjob() -> dict[str, Any]:
    parts = yaml.safe_load_all((paths.PROJECT / "deploy" / "kuberay.yaml").read_text(encoding="utf-8"))
    return next(part for part in parts if part["kind"] == "RayJob")


def test_the_rayjob_is_what_kuberay_reads() -> None:
    jsonschema.validate(rayjob(), SCHEMA)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda spec: spec.update(entryPoint="python"),
        lambda spec: spec.pop("rayClusterSpec"),
        lambda spec: spec.update(backoffLimit="0"),
        lambda spec: spec["rayClusterSpec"]["headGroupSpec"]["rayStartParams"].update({"num-cpus": 0}),
        lambda spec: spec["rayClusterSpec"]["workerGroupSpecs"][0].pop("groupName"),
    ],
)
def test_the_check_can_fail(spoil: Callable[[dict[str, Any]], Any]) -> None:
    spoilt = rayjob()
    spoil(spoilt["spec"])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(spoilt, SCHEMA)


def test_it_keeps_clear_of_rays_traps() -> None:
    spec = rayjob()["spec"]
    environment = yaml.safe_load(spec["runtimeEnvYAML"])["env_vars"]
    assert spec["entrypointNumCpus"] >= 1, "else it runs on the head, with one thread"
    assert environment["OMP_NUM_THREADS"] == str(spec["entrypointNumCpus"])
    assert int(environment["RAY_JOB_STOP_WAIT_TIME_S"]) > 10, "else a checkpoint gets 3 s"
    assert (spec["backoffLimit"], spec["shutdownAfterJobFinishes"]) == (0, True)
    assert spec["rayClusterSpec"]["authOptions"] == {"mode": "token"}
    wanted = (paths.PROJECT / "requirements-ray.txt").read_text(encoding="utf-8")
    assert wanted.strip().endswith(spec["rayClusterSpec"]["rayVersion"])
    words = shlex.split(spec["entrypoint"])
    assert words[:4] == ["python", "-m", "engines", "fit"]
    assert words[4] in registry.TASKS
    pods = [spec["rayClusterSpec"]["headGroupSpec"], *spec["rayClusterSpec"]["workerGroupSpecs"]]
    for pod in (pod["template"]["spec"] for pod in pods):
        assert pod["securityContext"]["runAsUser"] == 1000
        (mounted,) = pod["containers"][0]["volumeMounts"]
        assert mounted["mountPath"] == environment["HEADSTART_HOME"]
