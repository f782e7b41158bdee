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

# Installs Debian's packages, or says which are needed.
install_packages() {
  command -v apt-get >/dev/null || die "$* are needed and apt-get is not here; install them and run this again."
  [ "$(id -u)" = 0 ] || die "$* are needed; run 'sudo apt-get install $*' and then this again."
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

have() {
  command -v "$@" >/dev/null
}

if ! have git || ! have make || ! have python3 || ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
  install_packages git make python3-venv ca-certificates
fi

python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  die "Python $(python3 -V | cut -d' ' -f2) is too old; 3.11 or newer is needed (Debian 12 has it)."

if ! have uv && [ ! -x "$cache/uv/bin/uv" ]; then
  python3 -m venv "$cache/uv"
  "$cache/uv/bin/pip" install --quiet "uv>=$uv_version" || die "uv could not be installed from PyPI; check the network."
fi
uv="$(command -v uv || echo "$cache/uv/bin/uv")"
"$uv" sync --frozen --extra extended --quiet || die "the virtual environment could not be made; see uv's words above."

# PyPI's PyTorch for Linux cannot be imported without CUDA's libraries: see hack/cpu_torch/README.md.
site="$(echo .venv/lib/python3*/site-packages)"
if [ -e "$site/torch/lib/libtorch_cuda.so" ]; then
  if ! have gcc || ! have readelf; then
    install_packages gcc binutils
  fi
  python3 -m hack.cpu_torch "$site" || die "the stand-ins for CUDA's libraries could not be built; see the words above."
fi
