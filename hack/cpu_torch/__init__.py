"""PyTorch for CPUs from PyPI's only Linux wheel, which expects 3 GB of CUDA libraries."""
