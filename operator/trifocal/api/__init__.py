"""The ModelDeployment API: models, conditions, and the generated CRD. Pure."""
