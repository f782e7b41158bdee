"""`trifocal simulate`: figures by hand, and one sentence for bad input."""

import json
import sys
from itertools import starmap
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from trifocal.cli.main import main
from trifocal.cli.simulate.line_up import ALL

STEADY = "minute,a\n0,6\n1,6\n2,6\n"
GIVEN = {
    "--service-time": "180ms",
    "--slo": "720ms",
    "--cold-start": "35s",
    "--policy": "static",
}


def run(trace: str | Path, *flags: str, **options: str) -> Result:
    named = {f"--{name.replace('_', '-')}": value for name, value in options.items()}
    given = {"--trace": str(trace), **GIVEN, **named}
    return CliRunner().invoke(main, ["simulate", *starmap("{}={}".format, given.items()), *flags])


def rows(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


@pytest.fixture
def steady(tmp_path: Path) -> Path:
    (tmp_path / "steady.csv").write_text(STEADY)
    return tmp_path / "steady.csv"


def test_every_policy_pays_two_pods_where_two_are_least_and_most(steady: Path) -> None:
    found = rows(
        run(steady, "--format=json", policy="all", slo="10s", min_replicas="2", max_replicas="2")
    )

    assert [one.pop("policy") for one in found] == list(ALL)
    for one in found:
        # Two pods for three minutes.
        assert one.pop("replica_hours") == pytest.approx(0.1)
        assert one == {
            "bad_minutes": 0,
            "minutes": 3,
            "late_fraction": 0.0,
            "scale_events": 0,
            "peak_replicas": 2,
        }


def test_a_pod_with_twice_its_load_misses_every_minute(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("minute,a,b\n0,120,0\n1,120,0\n2,120,0\n")

    options = {"service_time": "1s", "slo": "2s", "max_replicas": "1"}
    (found,) = rows(run(tmp_path / "t.csv", "--format=json", policy="keda", **options))

    assert (found["bad_minutes"], found["minutes"]) == (3, 6)
    # One of two requests is answered in time to come, so the wait grows by a second in two: only
    # who comes in the first seconds waits less than one.
    assert found["late_fraction"] > 0.9


def test_peak_and_time_scale(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        "timestamp,value\n2026-01-01 00:00:00,10\n2026-01-01 00:04:00,20\n2026-01-01 00:08:00,5\n"
    )

    options = {"service_time": "500ms", "slo": "2s", "time_scale": "4", "peak_replicas": "2"}
    result = run(tmp_path / "t.csv", **options)

    # Two pods of 0.5 s are busy with 240 requests a minute; so with 120, 240 and 60.
    assert "420 requests of 1 job" in result.stdout


def test_a_full_batch_may_take_as_long_as_its_requests_one_by_one(steady: Path) -> None:
    full = {"max_batch": "8", "batch_time": "1440ms", "slo": "2s"}

    assert rows(run(steady, "--format=json", **full)) == rows(
        run(steady, "--format=json", slo="2s")
    )


def test_policies_by_comma_and_by_option_once_each(steady: Path) -> None:
    found = rows(run(steady, "--policy=aimd", "--format=json", policy="keda, static,keda"))

    assert [one["policy"] for one in found] == ["keda", "static", "aimd"]


def test_same_seed_same_figures() -> None:
    one, same, other = (
        run("flash5x", "--format=json", policy="keda", seed=seed).stdout for seed in "778"
    )

    assert one == same
    assert one != other


def test_table_has_the_bound_and_stderr_is_empty(steady: Path) -> None:
    result = run(steady, min_replicas="2")

    assert result.exit_code == 0
    assert "steady.csv: 18 requests of 1 job in 3 min; p99 within 720 ms" in result.stdout
    assert "pays at least 0.1 replica-hours" in result.stdout
    assert result.stderr == ""


def test_too_few_replicas_are_told_and_played(steady: Path) -> None:
    """720 requests a minute keep 2.2 pods of 180 ms busy; p99 within four times that takes 3."""
    (steady.parent / "t.csv").write_text("minute,a\n0,720\n1,720\n2,60\n")

    result = run(steady.parent / "t.csv", "--format=json", max_replicas="2")

    assert rows(result)[0]["bad_minutes"] >= 2
    assert result.stderr == (
        "Note: --max-replicas 2 is too few for p99 in 2 steps of the trace, whatever the policy; "
        "the busiest needs 3.\n"
    )


def test_lost_metrics_are_named_and_change_what_follows_them(steady: Path) -> None:
    (steady.parent / "t.csv").write_text(
        "minute,a\n" + "".join(f"{minute},{900 if minute < 5 else 60}\n" for minute in range(25))
    )
    lost = {"lose_metrics": "4m-24m", "policy": "keda,keda-strict"}

    blind, strict = rows(run(steady.parent / "t.csv", "--format=json", **lost))

    # Empty results read as no load, so one of them gives up pods; to the other they are errors.
    assert blind["replica_hours"] < strict["replica_hours"]
    printed = run(steady.parent / "t.csv", **lost, lose_scrapes="20").stdout
    title = "seed 7, no metrics from 4 to 24 min, 20 % of scrapes lost"
    assert title in " ".join(printed.split())


def test_plots_are_written_and_json_stays_clean(steady: Path, tmp_path: Path) -> None:
    found = rows(run(steady, "--format=json", plots=str(tmp_path / "plots")))

    assert len(found) == 1
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == [
        "pareto.png",
        "timeline.png",
    ]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"service_time": "180"}, "'180' is no length of time; write it like 180ms, 35s or 2m."),
        ({"slo": "0s"}, "'0s' is no length of time"),
        ({"slo": "100ms"}, "no number of pods keeps it"),
        ({"policy": "magic"}, "'magic' is none of all, "),
        ({"min_replicas": "5", "max_replicas": "4"}, "--min-replicas is greater"),
        ({"max_batch": "8"}, "--max-batch needs --batch-time"),
        ({"batch_time": "1s"}, "give --max-batch too"),
        ({"max_batch": "8", "batch_time": "2s"}, "--batch-time of 8 requests lies between"),
        ({"percentile": "100"}, "100.0 is not in the range 1<=x<100"),
        ({"percentile": "0.99"}, "0.99 is not in the range 1<=x<100"),
        ({"percentile": "nan"}, "'--percentile': nan is no number."),
        ({"slo": "-1s"}, "'-1s' is no length of time"),
        ({"cold_start": "5m"}, "--cold-start is 5 min, but the load as it is played lasts 3 min"),
        ({"max_replicas": "0"}, "0 is not in the range x>=1"),
        ({"lose_metrics": "1m"}, "'1m' is no stretch of time; write it like 30m-35m."),
        ({"lose_metrics": "2m-1m"}, "'2m-1m' ends before it begins"),
        ({"lose_metrics": "3m-4m"}, "--lose-metrics begins 3 min after the start"),
        ({"lose_scrapes": "100"}, "100.0 is not in the range 0<=x<100"),
        ({"time_scale": "nan"}, "nan"),
        ({"trace": "nowhere.csv"}, "neither a file nor one of diurnal, step"),
    ],
)
def test_bad_input_is_one_sentence(
    steady: Path, tmp_path: Path, options: dict[str, str], sentence: str
) -> None:
    source = options.pop("trace", steady)

    refused(run(source, plots=str(tmp_path / "plots"), **options), sentence, tmp_path)


def refused(result: Result, sentence: str, folder: Path) -> None:
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
    assert not (folder / "plots").exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"minute,a\n0,many\n", "bad.csv: Line 2, column 'a': 'many' is no number"),
        (b"\xff\xfe\x00", "bad.csv cannot be read as text"),
        (b"", "bad.csv: The trace is empty"),
        (b"minute;a\n0;1\n", "'minute;a'; write `minute` or `timestamp`; columns are separated by"),
        (b"minute,a\n0,-1\n", "'-1' is no number of requests; write 0 or a positive number."),
        (b"minute,a\n0,nan\n", "'nan' is no number of requests"),
        (b"minute,a\n1,1\n0,1\n", "minute '0' where 2 is next; sort the rows"),
        (b"minute,a\n0,0\n", "No job has any requests"),
        (b"minute,a\n0,2\n1,1\n", "are played; leave out rows"),
    ],
)
def test_bad_trace_is_one_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "bad.csv").write_bytes(content)

    refused(run(tmp_path / "bad.csv", peak_replicas="1000000000"), sentence, tmp_path)


def test_missing_option_is_one_sentence() -> None:
    result = CliRunner().invoke(main, ["simulate", "--trace", "step"])

    assert (result.exit_code, result.stderr) == (2, "Error: Missing option '--service-time'.\n")


def test_plots_without_matplotlib_are_refused_before_anything_is_played(
    steady: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    result = run(steady, plots=str(tmp_path / "plots"))

    refused(result, 'pip install "trifocal[plots]"', tmp_path)
