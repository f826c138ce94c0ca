from __future__ import annotations

import asyncio
import gc

import pytest

from loyalty.cancellation import finished


async def answer() -> str:
    """Answer after a moment."""
    await asyncio.sleep(0)
    return "answer"


async def failure() -> str:
    """Fail after a moment."""
    await asyncio.sleep(0)
    raise ZeroDivisionError


def test_work_that_is_not_cancelled_answers() -> None:
    """What the work returns is returned."""
    assert "answer" == asyncio.run(finished(answer()))


def test_work_that_fails_raises() -> None:
    """What the work raises is raised."""
    with pytest.raises(ZeroDivisionError):
        asyncio.run(finished(failure()))


@pytest.mark.parametrize("times", [1, 3])
def test_a_cancelled_task_ends_after_its_work(times: int) -> None:
    """However often it is cancelled, it waits for the end of the work and is cancelled then."""

    async def main() -> list[str]:
        said: list[str] = []
        may_end = asyncio.Event()

        async def work() -> None:
            """End when it may."""
            await may_end.wait()
            said.append("the work has ended")

        task = asyncio.create_task(finished(work()))
        for _ in range(times):
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert not task.done()
        may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        return said

    assert ["the work has ended"] == asyncio.run(main())


def test_work_that_fails_after_a_cancellation_is_not_reported_as_forgotten() -> None:
    """The cancellation is what is raised, and the event loop has nothing to complain about."""
    complaints: list[object] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        task = asyncio.create_task(finished(failure()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gc.collect()

    asyncio.run(main())
    gc.collect()

    assert [] == complaints


def test_work_that_cancels_itself_ends_the_wait() -> None:
    """A cancellation from inside comes out as one."""

    async def cancelled() -> None:
        """Be cancelled."""
        raise asyncio.CancelledError

    async def main() -> None:
        await finished(cancelled())

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
