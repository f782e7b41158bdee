"""`trifocal benchmark`: what a served model does under load, from where the user is."""
