"""The autoscalers that Trifocal is held against, each by its published algorithm and defaults."""
