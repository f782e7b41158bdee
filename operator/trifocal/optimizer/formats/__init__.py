"""Source formats other than ONNX: one module each turns it into ONNX and proves it."""
