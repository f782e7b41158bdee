"""`trifocal simulate`: a load replayed against scaling policies."""
