#!/usr/bin/env bash
# Owns the tools that everything else starts from: Debian's packages, uv, and the virtual environment.
# Idempotent; a second run takes about a second. Prints one sentence when it cannot go on.
set -euo pipefail
cd "$(dirname "$0")/.."

uv_version=0.9.0 # any newer uv reads the lock file too
cache="${XDG_CACHE_HOME:-$HOME/.cache}/trifocal"

die() {
  echo "setup: $1" >&2
  exit 1
}

packages_missing() {
  command -v git make python3 >/dev/null || return 0
  python3 -c 'import venv, ensurepip' 2>/dev/null || return 0
  return 1
}

if packages_missing; then
  command -v apt-get >/dev/null ||
    die "git, make and python3 with venv are needed and apt-get is not here; install them and run this again."
  [ "$(id -u)" = 0 ] || die "git, make or python3-venv is missing; run 'sudo apt-get install git make python3-venv'."
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq git make python3-venv ca-certificates >/dev/null
fi

python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  die "Python $(python3 -V | cut -d' ' -f2) is too old; 3.11 or newer is needed (Debian 12 has it)."

if ! command -v uv >/dev/null && [ ! -x "$cache/uv/bin/uv" ]; then
  python3 -m venv "$cache/uv"
  "$cache/uv/bin/pip" install --quiet "uv>=$uv_version" || die "uv could not be installed from PyPI; check the network."
fi
uv="$(command -v uv || echo "$cache/uv/bin/uv")"
"$uv" sync --frozen --extra optimizer --quiet || die "the virtual environment could not be made; see uv's words above."
