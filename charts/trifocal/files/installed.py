# ruff: noqa: INP001 - a script that the chart hands over whole
"""Whether an operator leads, asked through its Service: what `helm test` runs. No token, no rights.

The Service has ready pods only, and one is ready when it has read everything that it watches. One
leads when it holds the lease. So an answer also says that the chart's roles suffice for both.
"""

import sys
import time
import urllib.request

PAUSE_SECONDS = 1


def leads(url: str) -> bool:
    """Whether the pod that answers leads; each request may get another one."""
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - the chart's own Service
        return "trifocal_leader 1.0" in answer.read().decode().splitlines()


def main(url: str, seconds: float) -> str:
    """What is wrong; nothing when one leads in time."""
    end, problem = time.monotonic() + seconds, ""
    while time.monotonic() < end:
        try:
            if leads(url):
                return ""
            problem = "operators answer, and none leads: see their logs"
        except OSError as error:
            problem = f"no operator answers at {url}: {error}"
        time.sleep(PAUSE_SECONDS)
    return problem


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2])) or 0)
