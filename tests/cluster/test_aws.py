"""cluster.yaml against Ray's schema, AWS's own list of parameters, and a mock of AWS. Nothing here reaches AWS."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.validate import ParamValidator
from hosts import ROOT
from ray.autoscaler._private.resource_demand_scheduler import _default_utilization_scorer, get_nodes_for
from ray.autoscaler._private.util import prepare_config, validate_config

FILES = ("cluster.yaml", "cluster-onprem.yaml")
OFFLINE = {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",  # thousands of images, in seconds
}


def described(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / name).read_text())
    return found


@pytest.mark.parametrize("name", FILES)
def test_ray_takes_every_key(name: str) -> None:
    validate_config(prepare_config(described(name)))


@pytest.mark.parametrize("name", FILES)
def test_what_it_ships_is_there(name: str) -> None:
    config = described(name)
    ours = [local for local in config["file_mounts"].values() if not local.startswith("~")]
    assert {"models", "spaces", "search", "cluster", "pyproject.toml", "constraints.txt"} <= set(ours)
    assert all((ROOT / local).exists() for local in ours)
    scripts = [path.name for path in (ROOT / "cluster").glob("*.sh")]
    assert all(any(f"cluster/{script}" in str(config) for script in scripts) for script in scripts)


def complaints(node_config: dict[str, Any]) -> str:
    """What AWS's client finds wrong with the parameters of RunInstances."""
    ec2 = boto3.client("ec2", "us-east-1", aws_access_key_id="none", aws_secret_access_key="none")
    shape = ec2.meta.service_model.operation_model("RunInstances").input_shape
    report = ParamValidator().validate({**node_config, "MinCount": 1, "MaxCount": 1}, shape)
    return str(report.generate_report())


@pytest.mark.parametrize("kind", ["head", "gpu_worker"])
def test_aws_knows_every_parameter_of_an_instance(kind: str) -> None:
    node_config = described("cluster.yaml")["available_node_types"][kind]["node_config"]
    assert complaints(node_config) == ""
    number = {"InstanceMarketOptions": {"SpotOptions": {"MaxPrice": 0.6}}}
    assert "MaxPrice" in complaints({**node_config, **number})


def test_trials_that_wait_bring_workers_up_to_the_limit() -> None:
    config = prepare_config(described("cluster.yaml"))
    quarter: dict[str, Any] = {"CPU": 1, "GPU": 0.25}
    scorer: Any = _default_utilization_scorer
    for trials, workers in ((0, 0), (1, 1), (4, 1), (5, 2), (1000, 8)):
        launched, waiting = get_nodes_for(
            config["available_node_types"],
            {"head": 1},
            "head",
            config["max_workers"],
            [quarter] * trials,
            partial(scorer, node_availability_summary=None),
        )
        assert launched == ({"gpu_worker": workers} if workers else {})
        assert len(waiting) == max(0, trials - 4 * workers)


@pytest.mark.system("unshare", "setpriv", "ip")
def test_on_a_mock_of_aws(tmp_path: Path) -> None:
    script = Path(__file__).with_name("mock_aws.py")
    done = subprocess.run(
        ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--kill-child", "--fork", "sh", "-c",
         'ip link set lo up && exec "$@"', "sh", sys.executable, str(script), str(ROOT / "cluster.yaml")],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **OFFLINE},
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    head, *workers = sorted(found["started"], key=lambda instance: instance["kind"] != "head")
    assert (head["kind"], head["lifecycle"], head["state"]) == ("head", "on-demand", "running")
    assert len(workers) == 3
    assert {(worker["kind"], worker["lifecycle"]) for worker in workers} == {("gpu_worker", "spot")}
    # `ray down` keeps the head's disk. Spot workers it terminates, knowing them by their request's id, which the mock
    # does not give.
    assert [instance["state"] for instance in found["ended"] if instance["kind"] == "head"] == ["stopped"]
    # Ray has neither added a rule to our security group nor made one of its own
    assert all(instance["groups"] == [found["group"]] for instance in found["started"])
    assert set(found["groups"]) == {"default", "branchsearch"}
    ssh, members = sorted(found["groups"]["branchsearch"]["IpPermissions"], key=lambda rule: rule["IpProtocol"] == "-1")
    assert (ssh["FromPort"], ssh["ToPort"], ssh["IpRanges"]) == (22, 22, [{"CidrIp": "198.51.100.7/32"}])
    assert members["UserIdGroupPairs"][0]["GroupId"] == found["group"]
    assert not members["IpRanges"]
