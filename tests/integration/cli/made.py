"""ModelDeployments whose optimization is done, made without a node."""

from tests.support import results
from tests.support.manifests import Manifest, minimal
from tests.support.tenant import Tenant
from trifocal.api import manifest as manifests
from trifocal.cli.user_cluster import Right
from trifocal.resources.optimization_job import build_request, result_config_map
from trifocal.settings import Settings


def deploy_optimized(tenant: Tenant, body: Manifest | None = None) -> None:
    """A ModelDeployment, and its recorded result before the operator looks for it."""
    body = body or minimal(namespace=tenant.namespace)
    tenant.create({**body, "spec": {**body["spec"], "suspend": True}})
    (live,) = tenant.get("mdep")
    record_result(tenant, live)
    tenant.run("patch", "mdep", "digits", "--type=merge", "-p", '{"spec":{"suspend":false}}')


def record_result(tenant: Tenant, live: Manifest, letter: str = "f") -> None:
    """What a finished Job for this spec would have left."""
    md = manifests.parse(live)
    digest = build_request(md, Settings()).digest()
    found = results.artifact(letter).model_copy(update={"request": digest, "smoke": None})
    tenant.create(dict(result_config_map(md, digest, found)))


def has_revision(tenant: Tenant) -> bool:
    """Whether the operator has made the Deployment and said so."""
    found = tenant.find("mdep", "digits") or {}
    wanted = found.get("status", {}).get("revision", {}).get("wanted")
    made = [d["metadata"]["name"] for d in tenant.get("deployments")]
    return wanted is not None and f"digits-{wanted}" in made


def start_pod(tenant: Tenant, revision: str, node: str | None = None) -> None:
    """A ready pod of that revision, as its controllers and a kubelet would make it."""
    deployment = tenant.find("deployment", f"digits-{revision}")
    assert deployment is not None
    template = deployment["spec"]["template"]
    only = [{key: template["spec"]["containers"][0][key] for key in ("name", "image")}]
    spec = {"automountServiceAccountToken": False, "containers": only}
    if node is not None:
        spec["nodeName"] = node
    selects = {"selector": deployment["spec"]["selector"], "template": template}
    replica_set = _below(tenant, deployment, "ReplicaSet", selects)
    pod = _below(tenant, replica_set, "Pod", spec)
    since = pod["metadata"]["creationTimestamp"]
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": since}
    running = {"phase": "Running", "podIP": "10.1.0.1", "conditions": [ready]}
    tenant.set_status("pod", pod["metadata"]["name"], running)


def _below(tenant: Tenant, owner: Manifest, kind: str, spec: Manifest) -> Manifest:
    """Create what an owner's controller would."""
    reference = {key: owner["metadata"][key] for key in ("name", "uid")}
    reference |= {"apiVersion": "apps/v1", "kind": owner["kind"], "controller": True}
    labels = owner["spec"]["template"]["metadata"]["labels"]
    name = f"{owner['metadata']['name']}-1"
    metadata = {"name": name, "labels": labels, "ownerReferences": [reference]}
    version = "v1" if kind == "Pod" else "apps/v1"
    tenant.create({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec})
    made = tenant.find(kind, name)
    assert made is not None
    return made


def serving(tenant: Tenant) -> str | None:
    """The revision that has the traffic, as the status says."""
    found = tenant.find("mdep", "digits") or {}
    revision: str | None = found.get("status", {}).get("revision", {}).get("serving")
    return revision


def wanted(tenant: Tenant) -> str | None:
    """The revision of the present spec, once the operator has looked at it."""
    found = tenant.find("mdep", "digits") or {}
    status = found.get("status", {})
    is_seen = status.get("observedGeneration") == found["metadata"]["generation"]
    revision: str | None = status.get("revision", {}).get("wanted")
    return revision if is_seen else None


def grant(tenant: Tenant, rights: tuple[Right, ...]) -> None:
    """Give the namespace's default ServiceAccount these rights."""
    rules = [
        {
            "apiGroups": [right.group],
            "resources": ["/".join(filter(None, (right.resource, right.subresource)))],
            "verbs": [right.verb],
        }
        for right in rights
    ]
    api = "rbac.authorization.k8s.io"
    account = {"kind": "ServiceAccount", "name": "default", "namespace": tenant.namespace}
    role: Manifest = {"apiVersion": f"{api}/v1", "kind": "Role", "metadata": {"name": "user"}}
    binding: Manifest = {**role, "kind": "RoleBinding", "subjects": [account]}
    reference = {"apiGroup": api, "kind": "Role", "name": "user"}
    tenant.create({**role, "rules": rules}, {**binding, "roleRef": reference})
