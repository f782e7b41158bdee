# Everything a newcomer runs. `make help` lists it.
.DEFAULT_GOAL := help
SHELL := /bin/bash
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/trifocal
UV ?= $(or $(shell command -v uv),$(CACHE)/uv/bin/uv)
RUN := $(UV) run --frozen --extra extended

# A file's tests stay together, for they share what their fixtures start. The cluster's tests are
# never run so: they measure.
SIDE_BY_SIDE := --numprocesses 2 --dist loadfile

# What drawn histories find is new, so no change has to wait for it: they are part of test-faults.
DRAWN := tests/faults/test_histories.py::test_every_history_ends_as_it_should

include hack/cluster/cluster.mk

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sort | sed -E 's/:.*## /\t/' | expand -t 20

.PHONY: setup
setup: ## uv and the virtual environment
	@hack/setup.sh

.PHONY: demo
demo: setup ## the main job on a real cluster, from `kubectl apply` to answers from Triton
	@$(RUN) python -m hack.demo

.PHONY: demo-clean
demo-clean: setup ## remove what the demo installed; the cluster stays
	@$(RUN) python -m hack.demo --clean

.PHONY: tools
tools: ## the programs that tests start: API server, etcd, kubectl, helm, an S3 server, Prometheus
	@$(CLUSTER) build

.PHONY: test
test: setup lint tools ## everything: style, types, unit, integration (API server), faults and e2e (cluster)
	$(RUN) pytest --durations=15 tests/e2e
	$(RUN) pytest --durations=15 $(SIDE_BY_SIDE) tests/unit tests/golden tests/integration
	$(RUN) pytest --capture=no tests/faults --deselect $(DRAWN)
	@$(CLUSTER) build flux
	@$(CLUSTER) build karpenter
	$(RUN) pytest --durations=15 $(SIDE_BY_SIDE) tests/gitops tests/autoscalers

.PHONY: unit
unit: setup ## unit tests: pure, under a minute
	$(RUN) pytest tests/unit tests/golden

.PHONY: integration
integration: setup tools ## tests against a real API server, S3 server and Triton
	$(RUN) pytest $(SIDE_BY_SIDE) tests/integration

.PHONY: e2e
e2e: setup ## tests on a real cluster: KUBECONFIG's, or a local one that is started and stopped
	$(RUN) pytest tests/e2e

.PHONY: test-faults
test-faults: setup tools ## crashes, faults and seeded bugs against a real API server; FAULT_BUDGET=60m for more
	$(RUN) pytest --capture=no tests/faults tests/unit/faults

.PHONY: test-gitops
test-gitops: setup tools ## real Flux, kubectl, kustomize and Helm against a real API server and the operator
	@$(CLUSTER) build flux
	$(RUN) pytest --capture=no tests/gitops tests/unit/gitops

.PHONY: test-autoscalers
test-autoscalers: setup tools ## real Karpenter and HPA on a real API server, with simulated machines
	@$(CLUSTER) build karpenter
	$(RUN) pytest --capture=no tests/autoscalers

.PHONY: bench-optimization
bench-optimization: setup ## six real models on every target, against plain recipes and the full grid
	$(RUN) python -m benchmarks.optimization

.PHONY: bench-autoscaling
bench-autoscaling: setup ## scaling policies on real and built-in loads, request by request, by the goals
	$(RUN) python -m benchmarks.autoscaling

.PHONY: bench-cluster
bench-cluster: setup ## real Triton pods on the local cluster: the simulator's gap, and a ramp beside a real HPA
	$(RUN) python -m benchmarks.cluster

.PHONY: bench-reconcile
bench-reconcile: setup ## what the operator costs with 100, 1,000 and 5,000 objects, against a bare prototype
	$(RUN) python -m benchmarks.reconcile

.PHONY: bench-failover
bench-failover: setup tools ## how long a write waits when the leader, or the API server, goes away; about 10 minutes
	$(RUN) python -m benchmarks.failover

.PHONY: fmt
fmt: setup ## format
	$(RUN) ruff format .
	$(RUN) ruff check --fix .

.PHONY: lint
lint: setup ## style, types, import rules
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	$(RUN) lint-imports

.PHONY: generate
generate: setup ## regenerate what is generated; a test fails when this was forgotten
	$(RUN) trifocal crd > crds/modeldeployments.yaml
	cp crds/modeldeployments.yaml charts/trifocal/files/
	$(RUN) python -m hack.apidoc > docs/spec/v1alpha1/modeldeployment.md
	$(RUN) python -m hack.dashboards charts/trifocal/files/dashboards
