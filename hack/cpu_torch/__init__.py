"""PyTorch for CPUs from PyPI's Linux wheel, which wants 3 GB of CUDA libraries to be imported."""
