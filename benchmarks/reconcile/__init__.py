"""What the operator costs at scale: writes, CPU time and memory against a real API server."""
