"""`make demo`: the main job on a real cluster, from `kubectl apply` to answers from Triton."""
