"""MLflow's model registry: models by name, and only those that branchsearch made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import mlflow
from mlflow.entities.model_registry import ModelVersion
from mlflow.models import Model as MlflowModel
from mlflow.tracking import MlflowClient

from models.checkpoint import CheckpointError
from search.data.catalog import nearest
from search.errors import UserError
from search.inference import known
from search.inference.known import Known
from search.inference.package import Model, load_package
from search.overrides import shown
from search.store import existing_store

LOADER = "search.inference.serving"
"""The module that a registered model names as its loader; whatever names another is not ours."""

CHAMPION = "champion"
"""The alias that `search.predict` takes where none is said."""

_ADDRESS = re.compile(r"(?:models:/)?(?P<name>[^/@:]+)(?:@(?P<alias>[^/@]+)|/(?P<version>[0-9]+))?")


@dataclass(frozen=True)
class Registered:
    """A version of a model in the registry."""

    name: str
    version: str

    @property
    def uri(self) -> str:
        return f"models:/{self.name}/{self.version}"


def open_registry(uri: str) -> MlflowClient:
    """The registry, which is in the store of that address. Raises UserError where there is no such store."""
    return existing_store(uri)


def find_model(client: MlflowClient, model: str, key: str = "model") -> Registered:
    """The version that `name`, `name@alias`, `name/version` or `models:/...` stands for; `key` is the setting that
    named it.

    A bare name is its champion, or its latest version where there is none. Raises UserError, with the nearest names.
    """
    match = _ADDRESS.fullmatch(model)
    if match is None:
        raise UserError(f"{key}={shown(model)} is no model's name: write <name>, <name>@<alias> or <name>/<version>.")
    name, alias, version = match["name"], match["alias"], match["version"]
    try:
        known = [found.name for found in client.search_registered_models(max_results=1000)]
    except Exception as error:  # mlflow lets its stores' own errors through: SQL, HTTP, OS
        reason = str(error).splitlines()[0][:200]
        raise UserError(f"the MLflow store cannot be read: {reason}") from error
    if name not in known:
        if not known:
            raise UserError("no model is registered in this MLflow store: python -m search.register makes one.")
        raise UserError(f"{key}={shown(model)} is not registered: {nearest(name, known, most=20)}.")
    versions = {found.version: found for found in client.search_model_versions(f"name = '{name}'")}
    aliases = client.get_registered_model(name).aliases
    if alias is not None and alias not in aliases:
        raise UserError(f"{name} has no alias {shown(alias)}: {_those('aliases', list(aliases))}.")
    if version is not None and version not in {str(number) for number in versions}:
        raise UserError(f"{name} has no version {version}: {_those('versions', [str(v) for v in versions])}.")
    if version is None:
        version = aliases.get(alias or CHAMPION) or _latest(name, list(versions.values()))
    return Registered(name, str(version))


def _those(what: str, names: list[str]) -> str:
    return f"its {what} are {', '.join(names)}" if names else f"it has no {what}"


def _latest(name: str, versions: list[ModelVersion]) -> str:
    if not versions:
        raise UserError(f"{name} is registered and has no version: python -m search.register makes one.")
    return str(max(int(found.version) for found in versions))


def load_model(client: MlflowClient, registered: Registered, bfloat16: bool = False) -> Model:
    """The model of a registered version; runs no code that comes with it. Raises UserError for what is not ours."""
    try:
        return load_package(model_folder(client, registered), bfloat16)
    except CheckpointError as error:
        raise damaged(registered, error) from error


def load_known(client: MlflowClient, registered: Registered) -> Known:
    """The compounds that a registered version was made from. Raises UserError as `load_model`."""
    path = model_folder(client, registered) / known.FILE
    if not path.exists():
        raise UserError(
            f"{registered.uri} does not say which compounds it was made from, it was registered by an earlier "
            "branchsearch: register it again."
        )
    try:
        return Known.load(path)
    except CheckpointError as error:
        raise damaged(registered, error) from error


def damaged(registered: Registered, error: CheckpointError) -> UserError:
    """What a user is told of a model whose files cannot be read."""
    return UserError(f"{registered.uri} is damaged: {error}")


def model_folder(client: MlflowClient, registered: Registered) -> Path:
    """The files of a registered version, on this machine. Raises UserError for what is not ours."""
    try:
        source = client.get_model_version_download_uri(registered.name, registered.version)
        folder = Path(mlflow.artifacts.download_artifacts(source, tracking_uri=client.tracking_uri))
        flavour = MlflowModel.load(str(folder)).flavors["python_function"]
        loader, data = flavour["loader_module"], folder / str(flavour.get("data", ""))
    except Exception as error:  # besides its own, mlflow lets errors of YAML, files and stores through
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise UserError(f"{registered.uri} cannot be had from MLflow, or is no model: {reason}") from error
    if loader != LOADER:
        raise UserError(
            f"{registered.uri} was not registered by branchsearch (its loader is {shown(str(loader))}): it is not "
            "loaded, because that would run its code; mlflow.pyfunc.load_model does, where you trust it."
        )
    return data
