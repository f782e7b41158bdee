"""What every command that asks a cluster shares: its options, its connection and its exit codes."""

import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import IntEnum
from functools import wraps
from typing import Any

import click
from kubernetes.aio.config import ConfigException, list_kube_config_contexts
from typing_extensions import override

from trifocal.cli.user_cluster import UserCluster
from trifocal.kube.access import SERVICE_ACCOUNT_DIR, find_access
from trifocal.kube.errors import ApiError
from trifocal.kube.limiter import TokenBucket

_QPS, _BURST = 20, 40
"""Requests a second in the long run and at once: a person's share of an API server."""


class ExitCode(IntEnum):
    """What a script learns. kubectl has 1 for everything; here 1 and 2 are answers."""

    READY = 0
    """Ready, or done as asked."""
    STALLED = 1
    """Nothing will happen until somebody acts."""
    TIMED_OUT = 2
    """Still under way when the answer was due."""
    UNANSWERED = 3
    """There is no answer: no such object, no right to read it, no server, a wrong option."""


class Unanswered(click.ClickException):
    """The question has no answer; the message is a sentence that says why."""

    exit_code = ExitCode.UNANSWERED


class ClusterCommand(click.Command):
    """A command whose failures differ from its answers: click's own code for usage is 2."""

    @override
    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read the options."""
        try:
            return super().make_context(*args, **kwargs)
        except click.UsageError as error:
            error.show()
            raise click.exceptions.Exit(ExitCode.UNANSWERED) from error

    @override
    def invoke(self, ctx: click.Context) -> Any:
        """Run it; what the cluster did not do becomes one sentence."""
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            error.show()
            raise click.exceptions.Exit(ExitCode.UNANSWERED) from error
        except (ApiError, ConfigException) as error:
            raise Unanswered(str(error)) from error


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Which cluster and namespace, as the options say."""

    namespace: str
    context: str | None = None
    kubeconfig: str | None = None


def cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that kubectl has and hands to no plugin. The command takes `reach`."""

    @click.option("-n", "--namespace", help="Its namespace; unset means the kubeconfig context's.")
    @click.option("--context", help="Context of the kubeconfig; unset means the current one.")
    @click.option("--kubeconfig", help="Path; unset means $KUBECONFIG, then ~/.kube/config.")
    @wraps(command)
    def with_reach(
        *args: Any,
        namespace: str | None,
        context: str | None,
        kubeconfig: str | None,
        **kwargs: Any,
    ) -> Any:
        found = namespace or home_namespace(kubeconfig, context)
        reach = Reach(namespace=found, context=context, kubeconfig=kubeconfig)
        return command(*args, reach=reach, **kwargs)

    return with_reach


def home_namespace(kubeconfig: str | None, context: str | None) -> str:
    """As kubectl has it: the context's namespace, in a pod the pod's own, else `default`.

    Raises:
        ConfigException: There is no such context, or no kubeconfig that can be read.
    """
    path = kubeconfig or os.environ.get("KUBECONFIG")
    in_pod = SERVICE_ACCOUNT_DIR / "namespace"
    if path is None and context is None and in_pod.exists():
        return in_pod.read_text().strip()
    contexts, current = list_kube_config_contexts(path)  # type: ignore[no-untyped-call]
    named = next((each for each in contexts if each["name"] == context), None)
    if context is not None and named is None:
        raise ConfigException(f"The kubeconfig has no context {context}.")
    chosen: dict[str, Any] = (named or current)["context"]
    return str(chosen.get("namespace") or "default")


@asynccontextmanager
async def opened(reach: Reach) -> AsyncIterator[UserCluster]:
    """The cluster, with the caller's own rights."""
    access = await find_access(time.monotonic, reach.kubeconfig, reach.context)
    bucket = TokenBucket(qps=_QPS, burst=_BURST, clock=time.monotonic)
    async with UserCluster(access, bucket, lambda _kind, _verb, _outcome: None) as kube:
        yield kube


def no_such(namespace: str, name: str) -> Unanswered:
    """There is no such ModelDeployment."""
    return Unanswered(
        f"There is no ModelDeployment {name} in namespace {namespace}; "
        "`kubectl get mdep -A` lists them all."
    )
