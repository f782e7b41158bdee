"""How networks are made smaller: pruning, students, and the training that follows."""
