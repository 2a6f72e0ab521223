"""What AWS would be asked for by cluster.yaml, on a mock of it; run in a network that leads nowhere. Prints JSON."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import boto3
import yaml
from moto.server import ThreadedMotoServer
from ray.autoscaler.tags import (
    TAG_RAY_LAUNCH_CONFIG,
    TAG_RAY_NODE_KIND,
    TAG_RAY_NODE_NAME,
    TAG_RAY_USER_NODE_TYPE,
)

REGION = "us-east-1"
SSH_FROM = "198.51.100.7/32"

IMAGE = "ami-12345678"
WORKERS = 3


def security_group(ec2: Any) -> str:
    """The group that docs/cluster.md has its readers make."""
    group: str = ec2.create_security_group(GroupName="branchsearch", Description="branchsearch")["GroupId"]
    ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": SSH_FROM}]}
    members = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[ssh, members])
    return group


def instance_profile(iam: Any) -> None:
    """As a first `ray up` leaves it behind: having made it, Ray sleeps for half a minute."""
    name = "ray-autoscaler-v1"
    iam.create_instance_profile(InstanceProfileName=name)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)


def instances(ec2: Any) -> list[dict[str, Any]]:
    pages = ec2.describe_instances()["Reservations"]
    return [instance for page in pages for instance in page["Instances"]]


def summary(instance: dict[str, Any]) -> dict[str, Any]:
    tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
    return {
        "kind": tags["ray-user-node-type"],
        "type": instance["InstanceType"],
        "lifecycle": instance.get("InstanceLifecycle", "on-demand"),
        "state": instance["State"]["Name"],
        "groups": [group["GroupId"] for group in instance["SecurityGroups"]],
    }


def main(file: Path) -> dict[str, Any]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    os.environ["AWS_ENDPOINT_URL"] = f"http://{host}:{port}"
    # Ray's AWS code reads the address when it is imported.
    from ray.autoscaler._private.commands import _bootstrap_config  # noqa: PLC0415
    from ray.autoscaler._private.providers import _get_node_provider  # noqa: PLC0415

    ec2 = boto3.client("ec2", REGION)
    group = security_group(ec2)
    instance_profile(boto3.client("iam"))
    described = yaml.safe_load(file.read_text())
    for kind in described["available_node_types"].values():
        kind["node_config"]["SecurityGroupIds"] = [group]
        kind["node_config"]["ImageId"] = IMAGE
    config = _bootstrap_config(described, no_config_cache=True)
    provider = _get_node_provider(config["provider"], config["cluster_name"])
    for kind, count in (("head", 1), ("gpu_worker", WORKERS)):
        tags = {
            TAG_RAY_NODE_KIND: "head" if kind == "head" else "worker",
            TAG_RAY_NODE_NAME: kind,
            TAG_RAY_USER_NODE_TYPE: kind,
            TAG_RAY_LAUNCH_CONFIG: "none",
        }
        for _ in range(count):  # of several at once, the mock makes one
            provider.create_node(config["available_node_types"][kind]["node_config"], tags, 1)
    started = [summary(instance) for instance in instances(ec2)]
    provider.terminate_nodes(provider.non_terminated_nodes({}))
    ended = [summary(instance) for instance in instances(ec2)]
    groups = {found["GroupName"]: found for found in ec2.describe_security_groups()["SecurityGroups"]}
    server.stop()
    return {"group": group, "groups": groups, "started": started, "ended": ended}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1])), default=str))
