"""Which version of a model a name stands for."""

from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from search.errors import UserError
from search.inference.registry import find_model


@pytest.fixture
def client(tmp_path: Path) -> MlflowClient:
    """A store with eleven versions of `many`, and `none` without one."""
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    client = MlflowClient(uri, uri)
    for name in ("many", "none"):
        client.create_registered_model(name)
    for _ in range(11):
        client.create_model_version("many", str(tmp_path))
    return client


def test_a_bare_name_is_the_champion_or_else_the_latest_version(client: MlflowClient) -> None:
    assert find_model(client, "many").version == "11", "and not 9, the last by the alphabet"
    client.set_registered_model_alias("many", "mine", "3")
    assert find_model(client, "many").version == "11"
    client.set_registered_model_alias("many", "champion", "2")
    assert find_model(client, "many").version == "2"


@pytest.mark.parametrize(
    ("address", "version"),
    [("many@mine", "3"), ("many/5", "5"), ("models:/many@mine", "3"), ("models:/many/10", "10"), ("models:/many", "2")],
)
def test_every_way_to_name_a_version(client: MlflowClient, address: str, version: str) -> None:
    client.set_registered_model_alias("many", "mine", "3")
    client.set_registered_model_alias("many", "champion", "2")
    found = find_model(client, address)
    assert (found.name, found.version) == ("many", version)
    assert found.uri == f"models:/many/{version}"


def test_a_model_without_a_version_is_said(client: MlflowClient) -> None:
    with pytest.raises(UserError, match="none is registered and has no version"):
        find_model(client, "none")
    with pytest.raises(UserError, match="many has no alias mine: it has no aliases"):
        find_model(client, "many@mine")
