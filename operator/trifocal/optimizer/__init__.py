"""The program inside the optimization Job."""
