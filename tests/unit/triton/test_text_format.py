"""The reader of sample lines against the parser of prometheus_client, on texts of every shape."""

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from trifocal.triton.text_format import samples

CAPTURE = Path(__file__).parent / "data" / "triton-2.51-metrics.txt"
READ = ("nv_a", "nv_b_sum")
Found = list[tuple[str, dict[str, str], str]]


def ours(text: str, names: tuple[str, ...]) -> Found:
    return [(name, dict(labels), repr(value)) for name, labels, value in samples(text, names)]


def the_librarys(text: str, names: tuple[str, ...]) -> Found:
    """What the library finds; to the names of counters it adds an ending of its own."""
    return [
        (name, sample.labels, repr(float(sample.value)))
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        for name in [sample.name.removesuffix("_total")]
        if name in names and sample.labels
    ]


blank = st.sampled_from(["", " ", "\t", "  "])
separator = st.sampled_from([" ", "\t", "  "])
names = st.sampled_from([*READ, "nv_other", "nv_a_more"])
label_names = st.from_regex(r"[a-z_][a-z0-9_]{0,5}", fullmatch=True).filter(
    lambda name: not name.startswith("__")
)
label_values = st.text(st.sampled_from('{}",=\\\n #\r\u2028\x85aé7'), max_size=8)
numbers = st.one_of(
    st.integers(0, 10**12).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["NaN", "+Inf", "-Inf", "Inf", "1e3", "1.5E-7", "+4", "-3", ".5", "7."]),
)
times = st.one_of(st.just(""), st.integers(-(2**40), 2**40).map(str))


def escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


@st.composite
def sample_lines(draw: st.DrawFn) -> str:
    labels = draw(st.dictionaries(label_names, label_values, min_size=1, max_size=3))
    pairs = [
        f'{name}{draw(blank)}={draw(blank)}"{escaped(value)}"{draw(blank)}'
        for name, value in labels.items()
    ]
    comma = draw(st.sampled_from(["", ","]))
    inside = draw(blank) + f",{draw(blank)}".join(pairs) + comma + draw(blank)
    time = draw(times)
    after = f"{draw(separator)}{time}" if time else ""
    before = f"{draw(blank)}{draw(names)}{draw(blank)}"
    return f"{before}{{{inside}}}{draw(separator)}{draw(numbers)}{after}{draw(blank)}"


@st.composite
def other_lines(draw: st.DrawFn) -> str:
    name = draw(names)
    words = draw(st.text(st.sampled_from('ab {}"\\,=#'), max_size=10))
    return draw(
        st.sampled_from(
            [
                "",
                f"{name} 5",
                f"# HELP {name} {words}",
                f"# TYPE {name} counter",
                f"# TYPE {name} summary",
                f"# {words}",
            ]
        )
    )


texts = st.tuples(
    st.lists(st.one_of(sample_lines(), other_lines()), max_size=4), st.sampled_from(["\n", "\r\n"])
).map(lambda drawn: "".join(line + drawn[1] for line in drawn[0]))


@settings(deadline=None, max_examples=40)
@given(texts)
def test_any_exposition_is_read_as_the_library_reads_it(text: str) -> None:
    assert ours(text, READ) == the_librarys(text, READ)


def test_a_real_servers_text_is_read_as_the_library_reads_it() -> None:
    text = CAPTURE.read_text()
    everything = tuple({line.partition("{")[0] for line in text.splitlines()})
    found = ours(text, everything)
    assert len(found) == 48
    assert found == the_librarys(text, everything)


def test_labels_may_hold_whatever_is_escaped() -> None:
    line = r'nv_a{path="C:\\models\n{\"new\"}, 1"} 3 1395066363000'
    assert list(samples(line, READ)) == [("nv_a", {"path": 'C:\\models\n{"new"}, 1'}, 3.0)]


def test_what_is_no_number_has_a_name_of_its_own() -> None:
    values = [value for _, _, value in samples('nv_a{a="b"} +Inf\nnv_a{a="b"} NaN', READ)]
    assert values[0] == math.inf
    assert math.isnan(values[1])


@pytest.mark.parametrize(
    "line",
    [
        "nv_a{",
        'nv_a{model="m',
        'nv_a{model="m" 5',
        'nv_a{model="m"}',
        'nv_a{model="m"} many',
        'nv_a{model="m"} 1_000',
        'nv_a{model="m"} 1 2 3',
        "nv_a{model=m} 5",
        'nv_a{model="m" version="1"} 5',
        'nv_a{1="m"} 5',
        'nv_a{model="m"}} 5',
        'nv_a{model="m\\"} 5',
    ],
)
def test_a_line_that_is_no_sample_is_an_error(line: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        list(samples(line, READ))


def test_lines_that_nobody_asked_for_may_be_what_they_like() -> None:
    assert list(samples('<html style="{}">\nnv_other{ 5', READ)) == []
