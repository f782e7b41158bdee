"""Real Triton pods on the local cluster: against the simulator, and scaled against a real HPA."""
