"""ModelDeployments whose optimization is done, made without a node."""

from tests.support import results
from tests.support.manifests import Manifest, minimal
from tests.support.tenant import Tenant
from trifocal.api import manifest as manifests
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
