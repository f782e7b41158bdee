"""ModelDeployments for tests, as the JSON a user would write."""

import copy
from typing import Any

Manifest = dict[str, Any]


def digest(letter: str) -> str:
    """A well-formed digest; each hex digit gives another one."""
    return "sha256:" + 64 * letter


def minimal(name: str = "digits", namespace: str = "default") -> Manifest:
    """Only what is required: everything else is left to defaults."""
    return {
        "apiVersion": "trifocal.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "model": {
                "source": {
                    "uri": "file:///models/digits.onnx",
                    "claimName": "models",
                    "digest": digest("a"),
                },
                "task": "classification",
                "inputs": [{"name": "image", "shape": [3, 224, 224]}],
                "labels": ["zero", "one", "two"],
            },
            "optimization": {
                "datasets": {
                    "evaluation": {
                        "uri": "file:///models/evaluation.tar",
                        "claimName": "models",
                        "digest": digest("e"),
                    }
                }
            },
            "artifacts": {"uri": "file:///artifacts", "claimName": "artifacts"},
        },
    }


def full(name: str = "digits", namespace: str = "default") -> Manifest:
    """Every field of the API that fits together, with values that are not the defaults."""
    manifest = minimal(name, namespace)
    manifest["spec"] |= {
        "model": {
            "source": {
                "uri": "s3://models/digits.safetensors",
                "endpoint": "https://minio.storage.svc:9000",
                "secretRef": {"name": "model-reader"},
                "digest": digest("a"),
            },
            "format": "torch-weights",
            "architecture": {"library": "factory", "name": "digits.networks:small"},
            "task": "detection",
            "detection": {
                "layout": "yolo",
                "scoreThreshold": 0.01,
                "iouThreshold": 0.5,
                "maxDetections": 100,
            },
            "inputs": [{"name": "image:0", "shape": [224, 224, 3], "dtype": "float32"}],
            "output": "scores",
            "preprocessing": {
                "resize": {
                    "mode": "shortest-edge",
                    "shortestEdge": 256,
                    "interpolation": "bicubic",
                },
                "colorOrder": "BGR",
                "layout": "NHWC",
                "scale": 1,
                "mean": [103.939, 116.779, 123.68],
                "std": [57.375, 57.12, 58.395],
            },
            "labels": ["zero", "one", "two", "three", "four", "five"],
        },
        "optimization": {
            "targets": [{"runtime": "tensorrt"}, {"runtime": "litert"}],
            "datasets": {
                "training": {
                    "uri": "s3://data/training.tar",
                    "secretRef": {"name": "data-reader"},
                    "digest": digest("b"),
                    "origin": "line 3",
                },
                "calibration": {
                    "uri": "https://data.example.com/calibration.tar.gz",
                    "secretRef": {"name": "data-reader"},
                    "digest": digest("c"),
                },
                "evaluation": {
                    "uri": "file:///data/evaluation.zip",
                    "claimName": "data",
                    "digest": digest("e"),
                    "origin": "line 7",
                },
                "unlabelled": {
                    "uri": "file:///data/yesterday.zip",
                    "claimName": "data",
                    "digest": digest("d"),
                },
            },
            "search": "grid",
            "precisions": ["int8", "fp32"],
            "quantization": {
                "perChannel": False,
                "calibrationMethod": "entropy",
                "calibrationSamples": 64,
                "floatLayers": 2,
            },
            "pruning": [
                {"method": "structured", "ratio": 0.5},
                {"method": "magnitude", "threshold": 0.01},
            ],
            "distillation": {
                "teacher": {
                    "uri": "https://models.example.com/teacher.onnx",
                    "digest": digest("f"),
                },
                "students": [{"library": "timm", "name": "mobilenetv3_small_100"}],
                "temperature": 2,
                "labelWeight": 0.25,
            },
            "fineTuning": {"epochs": 3, "learningRate": 0.01, "batchSize": 32, "seed": 7},
            "gate": {
                "accuracy": {
                    "metric": "map50",
                    "maxDrop": 0.005,
                    "minimum": 0.9,
                    "maxSliceDrop": 0.02,
                },
                "agreement": {"minimum": 0.9},
                "latency": {"percentile": 95, "maxMilliseconds": 20},
                "maxSize": "20Mi",
            },
            "prefer": "size",
            "job": {
                "resources": {
                    "requests": {"cpu": "500m", "memory": "1Gi"},
                    "limits": {"cpu": "2", "memory": "2Gi"},
                },
                "deadlineSeconds": 600,
                "scratchSize": "2Gi",
                "queue": "vision",
            },
        },
        "artifacts": {"uri": "s3://artifacts", "secretRef": {"name": "artifact-writer"}},
        "serving": {
            "triton": {"image": "registry.example.com/triton:26.07-py3", "backend": "python"},
            "accelerator": {"resource": "nvidia.com/gpu", "count": 1, "product": "NVIDIA-L4"},
            "instances": 2,
            "batching": {
                "maxBatchSize": 16,
                "maxQueueDelayMicroseconds": 500,
                "queueTimeoutMilliseconds": 100,
            },
            "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "2Gi"}},
            "headroom": {
                "replicas": 1,
                "schedules": [
                    {
                        "name": "office",
                        "start": "0 7 * * 1-5",
                        "end": "0 19 * * 1-5",
                        "timeZone": "Europe/Berlin",
                        "replicas": 2,
                    }
                ],
            },
        },
        "scaling": {
            "minReplicas": 2,
            "maxReplicas": 8,
            "objective": {
                "latency": {"percentile": 95, "maxMilliseconds": 50},
                "throughput": {"requestsPerSecond": 100},
            },
            "balancing": "least-request",
            "scaleDownHoldSeconds": 60,
            "wakeUp": {
                "idleSeconds": 600,
                "prometheus": {"query": "sum(gateway_requests_waiting)", "threshold": 2.5},
            },
            "schedules": [
                {
                    "name": "office",
                    "start": "0 7 * * 1-5",
                    "end": "0 19 * * 1-5",
                    "timeZone": "Europe/Berlin",
                    "minReplicas": 4,
                    "maxReplicas": 6,
                }
            ],
        },
        "replicas": 2,
        "serviceAccountName": "vision",
        "suspend": True,
    }
    return manifest


def changed(manifest: Manifest, path: str, value: Any) -> Manifest:
    """A copy with the field at a dotted path set; the objects on the way are made."""
    copied = copy.deepcopy(manifest)
    *parents, last = path.split(".")
    target: Any = copied
    for step in parents:
        target = target[int(step)] if isinstance(target, list) else target.setdefault(step, {})
    target[int(last) if isinstance(target, list) else last] = value
    return copied
