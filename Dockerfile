# Trifocal's images: the operator, the optimization Job, and a Triton server for machines without a GPU.
#
# Needs from the base: Debian 12 or newer with Python 3.11 or newer and its venv module. How a
# machine reaches PyPI (index, proxy, certificates) is its own affair and comes from outside.
ARG BASE=python:3.11-slim-bookworm
ARG TRITON_RELEASE=26.07
ARG TENSORRT_BASE=nvcr.io/nvidia/tensorrt:${TRITON_RELEASE}-py3

FROM ${BASE} AS uv
ARG UV_VERSION=0.13.9
RUN python3 -m venv /opt/uv && /opt/uv/bin/pip install --no-cache-dir uv==${UV_VERSION}
ENV PATH=/opt/uv/bin:${PATH} \
    UV_PYTHON=python3 \
    UV_PYTHON_DOWNLOADS=never \
    UV_COMPILE_BYTECODE=1 \
    UV_NO_CACHE=1
WORKDIR /src

FROM uv AS wheel
COPY pyproject.toml README.md ./
COPY operator ./operator
RUN uv build --wheel --out-dir /wheel

FROM ${BASE} AS runtime
ENV PATH=/opt/trifocal/bin:${PATH} \
    PYTHONSAFEPATH=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    VIRTUAL_ENV=/opt/trifocal \
    UV_PROJECT_ENVIRONMENT=/opt/trifocal \
    UV_PYTHON_DOWNLOADS=never \
    UV_COMPILE_BYTECODE=1 \
    UV_NO_CACHE=1
WORKDIR /tmp

# Dependencies apart from the source: a change of the source rebuilds only a small last layer.
# The lock file stays in each image: it lists what the image is made of.
FROM runtime AS operator-dependencies
# Serving pods run this image too: its nginx is their HTTP front.
RUN apt-get update \
    && apt-get install -y --no-install-recommends nginx \
    && rm -rf /var/lib/apt/lists/* /var/log/*
COPY pyproject.toml uv.lock /usr/share/trifocal/
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    /opt/uv/bin/uv sync --project /usr/share/trifocal --python python3 \
        --frozen --no-dev --no-install-project

FROM runtime AS optimizer-dependencies
COPY pyproject.toml uv.lock /usr/share/trifocal/
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    /opt/uv/bin/uv sync --project /usr/share/trifocal --python python3 \
        --frozen --no-dev --no-install-project --extra optimizer

# What is deleted is a third of a gigabyte of C++ headers, for compilers that the image lacks.
FROM runtime AS extended-packages
COPY pyproject.toml uv.lock /usr/share/trifocal/
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    /opt/uv/bin/uv sync --project /usr/share/trifocal --python python3 \
        --frozen --no-dev --no-install-project --extra extended \
    && find /opt/trifocal/lib -type d -name include -prune -exec rm -r {} +

# PyTorch can be imported only with these: see hack/cpu_torch/README.md.
# Not by a mount from the stage above: some builders leave it empty when that stage is cached.
FROM extended-packages AS cuda-standins
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc \
    && rm -rf /var/lib/apt/lists/*
COPY hack/cpu_torch /src/hack/cpu_torch
RUN site=$(echo /opt/trifocal/lib/python3*/site-packages) \
    && mkdir /standins \
    && PYTHONPATH=/src python3 -m hack.cpu_torch "$site" "/standins$site/torch/lib"

FROM extended-packages AS optimizer-extended-dependencies
COPY --from=cuda-standins /standins /
RUN ["python", "-c", "import torch"]

# For a machine with a GPU; PyTorch gets the CUDA libraries that it asks for. `tensorrt` is the
# base's own package, so the base must be of the release of the Triton that serves the engines.
# CI cannot pull this base: build it where you use it.
FROM ${TENSORRT_BASE} AS optimizer-tensorrt-dependencies
ARG TRITON_RELEASE
# Engines say which release of Triton they are for; another one does not load them.
ENV TRIFOCAL_TRITON_RELEASE=${TRITON_RELEASE}
ENV PATH=/opt/trifocal/bin:${PATH} \
    PYTHONSAFEPATH=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    VIRTUAL_ENV=/opt/trifocal \
    UV_PROJECT_ENVIRONMENT=/opt/trifocal \
    UV_PYTHON_DOWNLOADS=never \
    UV_COMPILE_BYTECODE=1 \
    UV_NO_CACHE=1
WORKDIR /tmp
COPY pyproject.toml uv.lock /usr/share/trifocal/
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    /opt/uv/bin/uv venv --system-site-packages --python python3 /opt/trifocal \
    && /opt/uv/bin/uv sync --project /usr/share/trifocal \
        --frozen --no-dev --no-install-project --extra extended \
    && /opt/uv/bin/uv pip install torch \
    && python -c 'import tensorrt, torch'

# The wheel is copied, not mounted: some builders leave a mount's content out of the cache's key.
# A platform may choose any uid, one without a name too: libraries that ask find it in USER.
FROM operator-dependencies AS operator
COPY --from=wheel /wheel /usr/share/trifocal/wheel
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    /opt/uv/bin/uv pip install --offline --no-deps /usr/share/trifocal/wheel/*.whl
ENV HOME=/tmp USER=trifocal
USER 65532:65532
ENTRYPOINT ["trifocal"]
CMD ["operator"]

FROM optimizer-dependencies AS optimizer
COPY --from=wheel /wheel /usr/share/trifocal/wheel
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    /opt/uv/bin/uv pip install --offline --no-deps /usr/share/trifocal/wheel/*.whl
ENV HOME=/tmp USER=trifocal
USER 65532:65532
ENTRYPOINT ["trifocal-optimizer"]

FROM optimizer-extended-dependencies AS optimizer-extended
COPY --from=wheel /wheel /usr/share/trifocal/wheel
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    /opt/uv/bin/uv pip install --offline --no-deps /usr/share/trifocal/wheel/*.whl
ENV HOME=/tmp USER=trifocal
USER 65532:65532
ENTRYPOINT ["trifocal-optimizer"]

FROM optimizer-tensorrt-dependencies AS optimizer-tensorrt
COPY --from=wheel /wheel /usr/share/trifocal/wheel
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    /opt/uv/bin/uv pip install --offline --no-deps /usr/share/trifocal/wheel/*.whl
ENV HOME=/tmp USER=trifocal
USER 65532:65532
ENTRYPOINT ["trifocal-optimizer"]

# NVIDIA's own server from NVIDIA's own wheel. The wheel bundles libraries under their own
# licence: this image is for the machine that builds it and must not be pushed anywhere.
FROM uv AS triton-files
ARG PYTRITON_VERSION=0.7.0
RUN uv pip install --no-deps --python /opt/uv/bin/python --target /opt/pytriton \
        nvidia-pytriton==${PYTRITON_VERSION}
# The wheel has a stub per Python and no default one, and its files are writable by all.
RUN server=/opt/pytriton/pytriton/tritonserver \
    && version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])') \
    && cp "$server/python_backend_stubs/$version/triton_python_backend_stub" \
        "$server/backends/python/" \
    && rm -r "$server/python_backend_stubs" \
    && chmod -R u=rwX,go=rX /opt/pytriton \
    && chmod 0755 "$server/bin/tritonserver" "$server/backends/python/triton_python_backend_stub"
# The onnxruntime that gated the artifact serves it: its version is the lock file's.
COPY pyproject.toml uv.lock ./
RUN uv venv /opt/triton-python \
    && uv export --quiet --frozen --no-dev --extra optimizer --no-emit-project --no-hashes \
        | grep '^onnxruntime==' > /tmp/requirements.txt \
    && uv pip install --python /opt/triton-python/bin/python -r /tmp/requirements.txt 'numpy<2'

FROM ${BASE} AS triton-cpu
# The libraries are found relative to the server's real place in the unpacked wheel; the link
# gives it the path that it has in NVIDIA's images. The stub takes the first Python on PATH.
COPY --from=triton-files /opt/pytriton/pytriton/tritonserver /opt/pytriton/pytriton/tritonserver
COPY --from=triton-files /opt/pytriton/nvidia_pytriton.libs /opt/pytriton/nvidia_pytriton.libs
COPY --from=triton-files /opt/triton-python /opt/triton-python
RUN ln -s /opt/pytriton/pytriton/tritonserver /opt/tritonserver
ENV PATH=/opt/tritonserver/bin:/opt/triton-python/bin:${PATH} \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /tmp
USER 65532:65532
CMD ["tritonserver", "--help"]
