"""Where things lie: the cache that outlives clusters, and the state of one cluster."""

import os
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
REPOSITORY = PACKAGE.parent.parent
GO_MODULES = PACKAGE / "gomod"


def cache_dir() -> Path:
    """Built programs and images: kept across clusters and checkouts."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "trifocal"


def tools_dir() -> Path:
    """Links to the current version of every built program, for PATH."""
    return cache_dir() / "tools"


@dataclass(frozen=True)
class State:
    """The folder of one cluster and the places inside it."""

    root: Path

    @classmethod
    def from_environment(cls) -> "State":
        """`TRIFOCAL_CLUSTER_DIR`, or the default under /var/lib."""
        return cls(Path(os.environ.get("TRIFOCAL_CLUSTER_DIR", "/var/lib/trifocal-cluster")))

    def __truediv__(self, name: str) -> Path:
        return self.root / name

    @property
    def cgroup(self) -> str:
        """The control group that holds every pod, by name."""
        return self.root.name

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.root / "kubeconfig"

    @property
    def pki(self) -> Path:
        """Certificates and keys."""
        return self.root / "pki"

    @property
    def config(self) -> Path:
        """Generated configuration files of the components."""
        return self.root / "config"

    @property
    def logs(self) -> Path:
        """One log file per component."""
        return self.root / "logs"

    @property
    def pids(self) -> Path:
        """One record per started component."""
        return self.root / "pids"

    @property
    def containerd_socket(self) -> Path:
        """Where the container runtime listens."""
        return self.root / "run" / "containerd.sock"

    def create(self) -> None:
        """Make the folders; only root may look in, since keys lie there."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o711)
        for folder in (self.pki, self.config, self.logs, self.pids, self.root / "run"):
            folder.mkdir(exist_ok=True)
        self.pki.chmod(0o700)
