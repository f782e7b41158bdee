"""Who hears what TensorRT logs: it keeps one logger, whoever asks."""

import gc

from tests.unit.optimizer.runtimes.tensorrt.fake_tensorrt import FakeTensorRT, Severity
from trifocal.optimizer.runtimes.tensorrt.messages import Messages, heard


def test_all_builders_and_runtimes_get_one_logger() -> None:
    """Another one would be ignored while any of them lives, and the reasons with it."""
    trt = FakeTensorRT()
    with heard(trt, Messages()) as first, heard(trt, Messages()) as second:
        assert first is second
    gc.collect()
    with heard(trt, Messages()) as third:
        assert third is first


def test_what_is_logged_is_heard_by_those_who_listen_then() -> None:
    trt = FakeTensorRT()
    earlier, now = Messages(), Messages()
    with heard(trt, earlier) as logger:
        logger.log(Severity.ERROR, "earlier")
    logger.log(Severity.ERROR, "to nobody")
    with heard(trt, now):
        logger.log(Severity.ERROR, "no kernel")
        logger.log(Severity.WARNING, "slow kernel")
        logger.log(Severity.INFO, "a kernel")
    assert list(earlier.errors) == ["earlier"]
    assert (list(now.errors), list(now.warnings)) == (["no kernel"], ["slow kernel"])


def test_two_who_listen_at_once_both_hear() -> None:
    trt = FakeTensorRT()
    outer, inner = Messages(), Messages()
    with heard(trt, outer) as logger:
        with heard(trt, inner):
            logger.log(Severity.ERROR, "both")
        logger.log(Severity.ERROR, "outer")
    assert list(outer.errors) == ["both", "outer"]
    assert list(inner.errors) == ["both"]
