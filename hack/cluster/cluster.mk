# The local cluster and its images; the root Makefile includes this.
CLUSTER := python3 -m hack.cluster

.PHONY: cluster-up
cluster-up: ## a real one-node Kubernetes on this machine (Debian, root)
	@$(CLUSTER) up

.PHONY: cluster-down
cluster-down: ## stop it and leave no trace
	@$(CLUSTER) down
	@$(CLUSTER) verify-down

.PHONY: cluster-status
cluster-status: ## the health of each component
	@$(CLUSTER) status

.PHONY: images
images: cluster-up ## build Trifocal's images and put them on the node
	@$(CLUSTER) images

.PHONY: cluster-test
cluster-test: setup ## the local cluster's own test: start, kill, repair, stop, leave nothing
	@$(CLUSTER) images --build-only operator
	@TRIFOCAL_CLUSTER_DIR=/var/lib/trifocal-cluster-test unshare --net sh -c \
	  'ip link set lo up && exec $(RUN) --offline pytest hack/cluster/test_lifecycle.py'
