"""`python -m hack.dashboards FOLDER`: Grafana's dashboards, made from what is described here.

The chart installs them as ConfigMaps. They ask for the operator's own metrics only, so one scrape
target is all that they need. Prometheus keeps the label `namespace` for where the operator runs;
the namespace of a ModelDeployment is `exported_namespace` there.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase

from grafana_foundation_sdk.builders import common, prometheus, timeseries
from grafana_foundation_sdk.builders import dashboard as boards
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import DataSourceRef, VariableOption, VariableRefresh

_SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
_MODEL = '{exported_namespace=~"$namespace",name=~"$name"}'
_WIDTH, _HEIGHT = 12, 8
"""Of a chart, in Grafana's grid of 24 columns."""


@dataclass(frozen=True)
class Curve:
    """What is drawn, and its name in the legend."""

    expr: str
    legend: str


@dataclass(frozen=True)
class Chart:
    """A time series panel; the unit is one of Grafana's."""

    title: str
    unit: str
    description: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class Board:
    """A dashboard with two charts in a row."""

    uid: str
    title: str
    description: str
    picks_models: bool
    charts: tuple[Chart, ...]


def _of_models(*curves: tuple[str, str]) -> tuple[Curve, ...]:
    """Numbers of the scaler, by their names without the prefix."""
    return tuple(
        Curve(f"trifocal_scaling_{name}{_MODEL}", f"{{{{name}}}} {legend}".rstrip())
        for name, legend in curves
    )


MODELS = Board(
    "trifocal-models",
    "Trifocal / Models",
    "What each model is asked, how fast it answers, and why it has as many replicas as it has.",
    picks_models=True,
    charts=(
        Chart(
            "Requests",
            "reqps",
            "What arrives, and what is expected to by the time that pods ordered now are up.",
            _of_models(
                ("requests_per_second", ""),
                ("forecast_requests_per_second", "forecast"),
                ("failures_per_second", "failed"),
            ),
        ),
        Chart(
            "Latency at the objective's percentile",
            "s",
            "Measured, modelled for the wanted replicas, and the limit. The 99th percentile where "
            "spec.scaling sets no objective.",
            _of_models(
                ("latency_seconds", "measured"),
                ("modelled_latency_seconds", "modelled"),
                ("objective_latency_seconds", "objective"),
            ),
        ),
        Chart(
            "Replicas",
            "short",
            "Wanted, ordered and ready, between the bounds in force. Ordered and not ready for "
            "long: no GPU is free, or the engine loads slowly.",
            _of_models(
                ("desired_replicas", "wanted"),
                ("ordered_replicas", "ordered"),
                ("ready_replicas", "ready"),
                ("min_replicas", "least"),
                ("max_replicas", "most"),
            ),
        ),
        Chart(
            "Late requests",
            "percentunit",
            "Share of requests that took longer than the objective, or were refused.",
            _of_models(("late_ratio", "")),
        ),
        Chart(
            "Where the time goes",
            "s",
            "Mean time in the queue and in the model, of one request.",
            _of_models(("queue_seconds", "waits"), ("service_seconds", "executes")),
        ),
        Chart(
            "Batching",
            "short",
            "Requests that one execution serves, in the mean. Many waiting with few in a batch: "
            "spec.serving.batching allows no larger one.",
            _of_models(("requests_per_execution", "per execution"), ("waiting_requests", "wait")),
        ),
        Chart(
            "Cold start",
            "s",
            "From the order of a pod to its first request; the forecast looks this far ahead.",
            _of_models(("cold_start_seconds", ""), ("forecast_horizon_seconds", "horizon")),
        ),
        Chart(
            "Reason of the last decision",
            "short",
            "One curve for each reason; status.scaling.message says it in a sentence.",
            (
                Curve(
                    f"sum by (exported_namespace, name, reason) (trifocal_scaling_reason{_MODEL})",
                    "{{name}} {{reason}}",
                ),
            ),
        ),
    ),
)

OPERATOR = Board(
    "trifocal-operator",
    "Trifocal / Operator",
    "Whether the control plane keeps up, and what it costs the API server.",
    picks_models=False,
    charts=(
        Chart(
            "Passes",
            "ops",
            "By outcome. `error` is a fault of Trifocal's own; `refused` is the API server's word.",
            (
                Curve(
                    "sum by (outcome) (rate(trifocal_reconcile_seconds_count[5m]))", "{{outcome}}"
                ),
            ),
        ),
        Chart(
            "Duration of a pass",
            "s",
            "A first pass waits for its writes, one with a smoke inference for the model.",
            tuple(
                Curve(
                    f"histogram_quantile({quantile}, "
                    "sum by (le) (rate(trifocal_reconcile_seconds_bucket[5m])))",
                    f"p{100 * quantile:g}",
                )
                for quantile in (0.5, 0.99)
            ),
        ),
        Chart(
            "Queue",
            "short",
            "Objects that are due, and in work.",
            (
                Curve("sum(trifocal_queue_depth)", "due"),
                Curve("sum(trifocal_passes_in_progress)", "in work"),
            ),
        ),
        Chart(
            "Longest wait in the queue",
            "s",
            "Over two minutes, the alert TrifocalQueueStuck is on its way.",
            (Curve("max(trifocal_queue_oldest_seconds)", "oldest"),),
        ),
        Chart(
            "Writes to the API server",
            "ops",
            "Nothing at rest. Everything else than `ok` is worth a look at the log.",
            (
                Curve(
                    "sum by (kind, outcome) (rate(trifocal_api_writes_total[5m]))",
                    "{{kind}} {{outcome}}",
                ),
            ),
        ),
        Chart(
            "Leader",
            "short",
            "1 for the pod that leads; the others stand by.",
            (Curve("max by (pod, instance) (trifocal_leader)", "{{pod}} {{instance}}"),),
        ),
        Chart(
            "Lateness of the event loop",
            "s",
            "Something that blocks it delays everything; over 30 s, the liveness probe fails.",
            (
                Curve(
                    "histogram_quantile(1, "
                    "sum by (le) (rate(trifocal_event_loop_lag_seconds_bucket[5m])))",
                    "latest",
                ),
            ),
        ),
        Chart(
            "Memory",
            "bytes",
            "Of each pod; it grows with the number of objects, not with time.",
            (Curve('process_resident_memory_bytes{job=~".*trifocal.*"}', "{{pod}} {{instance}}"),),
        ),
        Chart(
            "Scaling pass",
            "s",
            "One look at every model's pods, scrapes included. It has to end before the next one.",
            (
                Curve(
                    "histogram_quantile(0.99, "
                    "sum by (le) (rate(trifocal_scaling_pass_seconds_bucket[5m])))",
                    "p99",
                ),
            ),
        ),
        Chart(
            "Pods that could not be read",
            "ops",
            "Scrapes that failed. Without its numbers a model keeps its replicas.",
            (Curve("sum(rate(trifocal_scaling_unreadable_pods_total[5m]))", "scrapes"),),
        ),
    ),
)

BOARDS = (MODELS, OPERATOR)


def as_json(board: Board) -> str:
    """The dashboard's model, as Grafana imports it."""
    made = (
        boards.Dashboard(board.title)
        .uid(board.uid)
        .description(board.description)
        .tags(["trifocal"])
        .refresh("30s")
        .time("now-3h", "now")
        .timezone("browser")
        .with_variable(
            boards.DatasourceVariable("datasource").label("Prometheus").type("prometheus")
        )
    )
    for variable in _variables(board):
        made = made.with_variable(variable)
    for chart in board.charts:
        made = made.with_panel(_panel(chart))
    return JSONEncoder(sort_keys=True, indent=2).encode(made.build()) + "\n"


def _variables(board: Board) -> Sequence[boards.QueryVariable]:
    if not board.picks_models:
        return ()
    every = "trifocal_scaling_desired_replicas"
    of_namespace = f'{every}{{exported_namespace=~"$namespace"}}'
    return (
        _pick("namespace", "Namespace", f"label_values({every}, exported_namespace)"),
        _pick("name", "Model", f"label_values({of_namespace}, name)"),
    )


def _pick(name: str, label: str, query: str) -> boards.QueryVariable:
    return (
        boards.QueryVariable(name)
        .label(label)
        .query(query)
        .datasource(_SOURCE)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(multi=True)
        .include_all(include_all=True)
        .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def _panel(chart: Chart) -> timeseries.Panel:
    panel = (
        timeseries.Panel()
        .title(chart.title)
        .description(chart.description)
        .unit(chart.unit)
        .datasource(_SOURCE)
        .min(0)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(show_legend=True)
        )
        .tooltip(
            common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)
        )
        .span(_WIDTH)
        .height(_HEIGHT)
    )
    for reference, curve in zip(ascii_uppercase, chart.curves, strict=False):
        panel = panel.with_target(
            prometheus.Dataquery().expr(curve.expr).legend_format(curve.legend).ref_id(reference)
        )
    return panel


def main(folder: Path) -> None:
    """Write one file for each dashboard."""
    for board in BOARDS:
        (folder / f"{board.uid}.json").write_text(as_json(board))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
