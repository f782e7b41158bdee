"""Events reach the loop in their order, in small portions, and none is lost."""

import asyncio
import threading

from trifocal.handlers.mailbox import AT_ONCE, Mailbox
from trifocal.kube.client import Manifest


def numbered(number: int) -> tuple[str, str | None, Manifest]:
    return "Pod", "ADDED", {"number": number}


def test_what_a_thread_puts_in_comes_in_its_order() -> None:
    received: list[int] = []
    count = 10 * AT_ONCE + 1

    async def main() -> None:
        everything = asyncio.Event()

        def receive(_kind: str, _event: str | None, obj: Manifest) -> None:
            received.append(obj["number"])
            if len(received) == count:
                everything.set()

        box = Mailbox(asyncio.get_running_loop(), receive)

        def put_all() -> None:
            for number in range(count):
                box.put(*numbered(number))

        thread = threading.Thread(target=put_all)
        thread.start()
        async with asyncio.timeout(30):
            await everything.wait()
        thread.join()

    asyncio.run(main())
    assert received == list(range(count))


def test_the_loop_goes_round_between_portions() -> None:
    seen_by_others: list[int] = []

    async def main() -> None:
        received: list[int] = []
        box = Mailbox(asyncio.get_running_loop(), lambda *event: received.append(len(event)))
        for number in range(3 * AT_ONCE):
            box.put(*numbered(number))
        while len(received) < 3 * AT_ONCE:
            await asyncio.sleep(0)
            seen_by_others.append(len(received))

    asyncio.run(main())
    assert set(seen_by_others) >= {AT_ONCE, 2 * AT_ONCE, 3 * AT_ONCE}


def test_an_event_that_breaks_something_does_not_hold_up_the_next() -> None:
    received: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)

        def receive(_kind: str, _event: str | None, obj: Manifest) -> None:
            received.append(obj["number"])
            if obj["number"] == 0:
                raise KeyError("metadata")

        box = Mailbox(loop, receive)
        box.put(*numbered(0))
        box.put(*numbered(1))
        for _ in range(4):
            await asyncio.sleep(0)

    asyncio.run(main())
    assert received == [0, 1]


def test_what_comes_after_the_loop_is_dropped() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    received: list[object] = []
    Mailbox(loop, lambda *event: received.append(event)).put(*numbered(1))
    assert received == []
