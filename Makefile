# Everything a newcomer runs. `make help` lists it.
.DEFAULT_GOAL := help
UV ?= uv
RUN := $(UV) run --frozen --extra optimizer

-include hack/cluster/cluster.mk

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | sed -E 's/:.*## /\t/' | expand -t 20

.PHONY: fmt
fmt: ## format
	$(RUN) ruff format .
	$(RUN) ruff check --fix .

.PHONY: lint
lint: ## ruff, mypy, import rules
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	$(RUN) lint-imports

.PHONY: unit
unit: ## unit tests (pure, under a minute)
	$(RUN) pytest tests/unit
