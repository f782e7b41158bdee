"""TensorRT engines: built from typed ONNX on the GPU product that they serve on, and run there."""
