"""Which candidates there are, and which of them is worth trying next. Pure."""
