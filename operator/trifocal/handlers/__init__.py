"""The only importer of kopf: watches turn into keys on a queue."""
