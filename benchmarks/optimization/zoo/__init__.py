"""Six real models that packages ship or that train in a minute, each with data to judge it by."""
