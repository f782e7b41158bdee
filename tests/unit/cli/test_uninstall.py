"""What would be deleted is listed, and what has to go first is named."""

from typing import Any

from tests.support.manifests import Manifest, minimal
from trifocal.cli.uninstall.remains import Remains, first_steps, listing

CRD = {"metadata": {"name": "modeldeployments.trifocal.dev"}}


def model(name: str, serving: str | None = None) -> Manifest:
    body: Manifest = minimal(name)
    return {**body, "status": {"revision": {"serving": serving}}} if serving else body


def remains(*models: Manifest, **changes: Any) -> Remains:
    return Remains(**{"definition": CRD, "models": models, "operators": (), **changes})


def test_every_model_is_named_and_whether_it_serves() -> None:
    assert list(listing(remains(model("a"), model("b", "0123456789")))) == [
        "CustomResourceDefinition modeldeployments.trifocal.dev",
        "ModelDeployment default/a",
        "ModelDeployment default/b, which serves revision 0123456789",
        "with all their Deployments, Services, Jobs and ConfigMaps; stored artifacts stay",
    ]


def test_a_long_list_ends_with_its_count() -> None:
    many = [model(f"m{n}", "0123456789" if n % 2 else None) for n in range(25)]
    told = list(listing(remains(*many)))
    assert len(told) == 1 + 20 + 2
    assert told[-2] == "and 5 more, of which 2 serve"


def test_without_models_only_the_definition_goes() -> None:
    assert list(listing(remains())) == ["CustomResourceDefinition modeldeployments.trifocal.dev"]
    assert list(listing(remains(definition=None))) == []


def test_an_operator_has_to_go_first_by_whoever_installed_it() -> None:
    metadata = {"name": "trifocal-operator", "namespace": "ml"}
    by_helm = {"metadata": {**metadata, "annotations": {"meta.helm.sh/release-name": "tri"}}}
    found = remains(operators=(by_helm, {"metadata": metadata}))
    assert first_steps(found) == (
        "helm uninstall tri --namespace ml",
        "kubectl delete deployment trifocal-operator --namespace ml",
    )
    assert first_steps(remains()) == ()
