"""What comes out of memory is what went in."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from trifocal.kube.packed import packed, unpacked

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
_JSON = st.recursive(
    _SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(st.dictionaries(st.text(), _JSON))
def test_any_json_comes_back_as_it_was(content: dict[str, Any]) -> None:
    obj = {**content, "metadata": {"uid": "u1", "resourceVersion": "12"}}
    assert unpacked(packed(obj)) == obj


def test_what_is_looked_up_lies_beside_it() -> None:
    owners = [{"uid": "o1"}, {"uid": "o2"}]
    entry = packed({"metadata": {"uid": "u1", "resourceVersion": "12", "ownerReferences": owners}})
    assert (entry.uid, entry.version, entry.owners) == ("u1", 12, ("o1", "o2"))


def test_a_version_unpacked_again_soon_is_the_same_object() -> None:
    entry = packed({"metadata": {"uid": "u1", "resourceVersion": "1"}})
    assert unpacked(entry) is unpacked(entry)
