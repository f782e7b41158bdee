"""What Trifocal knows about Triton: configuration, arguments, images, metrics, smoke client."""
