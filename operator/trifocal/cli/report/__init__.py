"""`trifocal report`: a redacted support bundle."""
