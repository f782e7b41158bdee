"""The default StorageClass and its pool of volumes on the machine's disk."""

import shutil
from pathlib import Path
from typing import Any

from .api import Api
from .paths import State
from .settings import STORAGE_CLASS, VOLUME_SIZE, VOLUMES

_PATH = "/api/v1/persistentvolumes"
_CLASS_PATH = "/apis/storage.k8s.io/v1/storageclasses"


def ensure_storage(state: State, api: Api) -> None:
    """Create the class and the volumes, and free the volumes whose claim is gone."""
    if api.get(f"{_CLASS_PATH}/{STORAGE_CLASS}") is None:
        api.apply(f"{_CLASS_PATH}/{STORAGE_CLASS}", _storage_class())
    listed = api.get(_PATH) or {"items": []}
    existing = {each["metadata"]["name"]: each for each in listed["items"]}
    for number in range(VOLUMES):
        name = f"trifocal-{number:02}"
        folder = state / "volumes" / name
        volume = existing.get(name)
        if volume is None:
            _empty(folder)
            api.apply(f"{_PATH}/{name}", _volume(name, folder))
        elif volume["status"]["phase"] in {"Released", "Failed"}:
            _empty(folder)
            api.patch(f"{_PATH}/{name}", {"spec": {"claimRef": None}})


def _empty(folder: Path) -> None:
    """Writable by anyone: hostPath volumes ignore a pod's fsGroup."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    folder.chmod(0o777)


def _storage_class() -> dict[str, Any]:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": STORAGE_CLASS,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "kubernetes.io/no-provisioner",
        "reclaimPolicy": "Retain",
        "volumeBindingMode": "Immediate",
    }


def _volume(name: str, folder: Path) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": VOLUME_SIZE},
            "accessModes": ["ReadWriteOnce", "ReadWriteMany", "ReadOnlyMany"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": STORAGE_CLASS,
            "hostPath": {"path": str(folder), "type": "Directory"},
        },
    }
