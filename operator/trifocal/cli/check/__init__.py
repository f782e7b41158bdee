"""`trifocal check`: what the cluster and the installation lack."""
