"""Between ONNX files and PyTorch modules: both ways, with proof that the answers stay."""
