"""How numbers are stored in fewer bits: one module for each way."""
