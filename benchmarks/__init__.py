"""Programs that print the figures in the documents, each from a real run."""
