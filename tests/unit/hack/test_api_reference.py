"""The reference in docs/ is what the CRD says now."""

from pathlib import Path

from hack.apidoc import reference
from trifocal.api.crd import crd

SCHEMA = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
PAGE = Path(__file__).parents[3] / "docs" / "spec" / "v1alpha1" / "modeldeployment.md"


def test_the_committed_page_is_up_to_date() -> None:
    """`make generate` writes it again."""
    assert PAGE.read_text() == reference(SCHEMA)


def test_every_link_leads_to_a_heading() -> None:
    page = reference(SCHEMA)
    headings = {
        "".join(c for c in line.removeprefix("## ").lower() if c.isalnum())
        for line in page.splitlines()
        if line.startswith("## ")
    }
    links = {part.partition(")")[0] for part in page.split("](#")[1:]}
    assert links <= headings


def test_required_fields_are_bold_and_bounds_shown() -> None:
    page = reference(
        {
            "properties": {
                "spec": {
                    "type": "object",
                    "description": "Of <things>.",
                    "required": ["size"],
                    "properties": {
                        "size": {"type": "integer", "minimum": 1, "maximum": 9, "default": 3}
                    },
                },
                "status": {"type": "object", "properties": {}},
            }
        }
    )
    assert "| **size** | integer, from 1 to 9 | `3` |  |" in page
    assert "Of &lt;things>." in page
