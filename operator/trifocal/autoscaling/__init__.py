"""From load and latency to a number of replicas: model and decision (pure), scraper and loop."""
