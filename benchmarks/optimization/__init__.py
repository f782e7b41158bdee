"""Real models on every target: what Trifocal finds, against plain recipes and a full grid."""
