"""Names, addresses and ports of the cluster: every fixed choice in one place."""

NODE_NAME = "trifocal-node"
DOMAIN = "cluster.local"

# The node lives on a bridge of its own, so nothing depends on, or listens to, the
# machine's own network, and pods reach the API server by the same address as the host.
BRIDGE = "trifocal0"
BRIDGE_MAC = "02:54:72:69:66:6f"  # fixed: a bridge otherwise takes its first port's
NODE_IP = "10.213.0.1"
POD_CIDR = "10.213.0.0/16"
POD_RANGE_START = "10.213.0.16"
SERVICE_CIDR = "10.214.0.0/16"
KUBERNETES_SERVICE_IP = "10.214.0.1"
NFT_TABLE = "trifocal-cluster"

API_PORT = 6443
# Off etcd's usual ports: tests start servers of their own there.
ETCD_PORT = 12379
ETCD_PEER_PORT = 12380
KUBELET_PORT = 10250
KUBELET_HEALTH_PORT = 10248
CONTROLLER_PORT = 10257
SCHEDULER_PORT = 10259
PROXY_HEALTH_PORT = 10256
PROXY_METRICS_PORT = 10249
DNS_PORT = 53
DNS_READY_PORT = 18181
DNS_HEALTH_PORT = 18080

API_URL = f"https://{NODE_IP}:{API_PORT}"
PAUSE_IMAGE = "trifocal.dev/pause:v1"

SIMULATED_GPUS = 4
STORAGE_CLASS = "trifocal-local"
VOLUMES = 12
VOLUME_SIZE = "5Gi"
