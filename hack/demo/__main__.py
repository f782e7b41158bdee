"""`python -m hack.demo`: every step with the time it took; `demo: PASS` is the last line."""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from hack.cluster.errors import ClusterError
from hack.demo.data import load_data, prepare_data
from hack.demo.deployment import deploy, show_candidates
from hack.demo.install import create_namespace, install_chart, provide_images, start_cluster
from hack.demo.kube import NAME, NAMESPACE, RELEASE, SYSTEM, Kube
from hack.demo.problem import DemoError
from hack.demo.questions import classify
from hack.demo.surge import calm, surge

LOG_WIDTH = 140
Step = Callable[[Kube, Console], str]


def show_status(kube: Kube, console: Console) -> str:
    """`trifocal status`: the whole chain as a tree."""
    program = str(Path(sys.executable).with_name("trifocal"))
    width = {"COLUMNS": str(console.width)}
    tree = kube.run(program, "status", NAME, "--namespace", NAMESPACE, environment=width)
    console.print(tree.rstrip(), markup=False)
    return f"the same at any time: trifocal status {NAME} -n {NAMESPACE} -w"


STEPS: tuple[tuple[str, Step], ...] = (
    ("Cluster", start_cluster),
    ("Images", provide_images),
    ("Model and labelled pages", prepare_data),
    ("helm install", install_chart),
    ("Namespace", create_namespace),
    ("Data onto a volume", load_data),
    ("kubectl apply", deploy),
    ("Candidates", show_candidates),
    ("Pages asked of Triton", classify),
    ("Load", surge),
    ("Calm", calm),
    ("Status", show_status),
)


def demo(kube: Kube, console: Console) -> None:
    """Every step in turn."""
    for number, (title, step) in enumerate(STEPS, 1):
        console.rule(f"[bold]{number}/{len(STEPS)} {title}", align="left")
        began = time.monotonic()
        outcome = step(kube, console)
        console.print(f"  {outcome}  [dim]({time.monotonic() - began:.1f} s)", highlight=False)


def clean(kube: Kube, console: Console) -> None:
    """Remove the namespace and the release; the cluster, the CRD and the cache stay."""
    if kube.local and not Path(kube.kubeconfig).exists():
        console.print("there is no local cluster, so there is nothing to remove")
        return
    kube.run("kubectl", "delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=120s")
    kube.run("helm", "uninstall", RELEASE, "--namespace", SYSTEM, "--ignore-not-found", "--wait")
    console.print(f"namespace {NAMESPACE} and release {RELEASE} are gone")


def main(arguments: Sequence[str]) -> int:
    """Run the demo, or clean up after it; 0 if it did what was asked."""
    parser = argparse.ArgumentParser(prog="python -m hack.demo", description=__doc__)
    parser.add_argument("--clean", action="store_true", help="remove what the demo installed")
    options = parser.parse_args(arguments)
    # As Ctrl-C: every block that started something ends it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # A pipe has no width; tables in a log may be as wide as they like.
    console = Console() if sys.stdout.isatty() else Console(width=LOG_WIDTH, soft_wrap=True)
    kube = Kube.from_environment()
    began = time.monotonic()
    verdict = "FAIL"
    try:
        (clean if options.clean else demo)(kube, console)
        verdict = "PASS"
    except DemoError as error:
        console.print(f"[bold red]{error}", highlight=False)
        if error.look:
            console.print(f"More: {error.look}", highlight=False)
    except ClusterError as error:
        console.print(f"[bold red]{error}", highlight=False)
    except KeyboardInterrupt:
        console.print("interrupted")
    except Exception:  # noqa: BLE001 - a fault of the demo itself; its last line must still come
        console.print_exception()
    if not options.clean:
        console.print(f"{time.monotonic() - began:.0f} s in all")
        print(f"demo: {verdict}")
    return 0 if verdict == "PASS" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
