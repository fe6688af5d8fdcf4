# SPDX-License-Identifier: BSD-2-Clause
"""Threads, executors, fork: calls release the GIL, take turns, and what a call uses is not freed."""
import concurrent.futures
import os
import sys
import threading
import time

import decoct
import pytest

X = [[0.1 * (i * j % 17) for j in range(256)] for i in range(256)]


def test_the_gil_is_released():
    """With this switch interval another thread runs only while this one has released the GIL."""
    counted, stop = [0], []

    def count():
        while not stop:
            counted[0] += 1
            time.sleep(0)

    x = decoct.matmul([[1.0] * 400] * 400, [[0.5] * 400] * 400)
    decoct.matmul(x, x)
    interval, thread = sys.getswitchinterval(), threading.Thread(target=count)
    sys.setswitchinterval(100)
    try:
        thread.start()
        ran = 0
        for _ in range(200):
            before = counted[0]
            decoct.matmul(x, x)
            ran = counted[0] - before
            if ran:
                break
        assert ran
    finally:
        sys.setswitchinterval(interval)
        stop.append(True)
        thread.join()


def test_threads_share_the_default_context():
    expected = decoct.matmul(X, X).tolist()
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for result in pool.map(lambda _: decoct.matmul(X, X).tolist(), range(60)):
            assert result == expected


def test_each_thread_gets_its_own_message():
    def fail(size):
        try:
            decoct.attention([X[:1]] * size, [X[:1]] * (size + 1), [X[:1]] * (size + 1))
        except decoct.ArgumentError as error:
            return str(error)

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for size, message in zip(range(1, 60), pool.map(fail, range(1, 60))):
            assert "kv_heads %d does not divide heads %d" % (size + 1, size) in message


class Host(concurrent.futures.Executor):
    """Runs each piece at once and calls something in the middle of the library's call."""

    def __init__(self, during):
        self.during, self.pieces = during, 0

    def submit(self, function, /, *arguments):
        self.pieces += 1
        self.during()
        future = concurrent.futures.Future()
        future.set_result(function(*arguments))
        return future


def test_executor():
    expected = decoct.matmul(X, X).tolist()
    with concurrent.futures.ThreadPoolExecutor(2) as pool, decoct.Context(2, executor=pool) as context:
        assert decoct.matmul(X, X, context=context).tolist() == expected
    host = Host(lambda: None)
    with decoct.Context(2, executor=host) as context:
        assert decoct.matmul(X, X, context=context).tolist() == expected
    assert host.pieces > 0


def test_an_executor_that_refuses():
    pool = concurrent.futures.ThreadPoolExecutor(1)
    with decoct.Context(2, executor=pool) as context:
        pool.shutdown()
        with pytest.raises(decoct.RefusedError, match="0 of 2 tasks ran") as caught:
            decoct.matmul(X, X, context=context)
        assert "after shutdown" in str(caught.value.__cause__)


def test_an_interrupt_in_an_executor():
    def interrupt():
        raise KeyboardInterrupt

    with decoct.Context(2, executor=Host(interrupt)) as context:
        with pytest.raises(KeyboardInterrupt):
            decoct.matmul(X, X, context=context)
        assert decoct.softmax([1.0], context=context).tolist() == [1.0]


def test_progress():
    expected, seen = decoct.matmul(X, X).tolist(), []

    def report(done, total):
        seen.append((done, total))

    with decoct.Context(1, progress=report, progress_work=1000) as context:
        assert decoct.matmul(X, X, context=context).tolist() == expected
    assert seen and all(0 <= done <= total for done, total in seen)


def test_a_cancelled_call():
    def fail(done, total):
        raise KeyError(total)

    with decoct.Context(1, progress=lambda done, total: True, progress_work=1000) as context:
        with pytest.raises(decoct.CancelledError, match="cancel"):
            decoct.matmul(X, X, context=context)
    with decoct.Context(1, progress=fail, progress_work=1000) as context:
        with pytest.raises(KeyError):
            decoct.matmul(X, X, context=context)
        assert decoct.softmax([1.0], context=context).tolist() == [1.0]


def test_a_call_from_inside_a_call():
    found = []

    def call():
        try:
            decoct.softmax([1.0], context=context)
        except decoct.BusyError as error:
            found.append(error.name)

    context = decoct.Context(2, executor=Host(call))
    decoct.matmul(X, X, context=context)
    assert set(found) == {"DECOCT_E_BUSY"}


def test_closed_while_a_call_uses_it():
    expected = decoct.matmul(X, X).tolist()
    weights = decoct.Weights(X)

    def close():
        context.close()
        weights.close()

    context = decoct.Context(2, executor=Host(close))
    assert decoct.matmul(X, weights, context=context).tolist() == expected
    assert context.closed and weights.closed
    with pytest.raises(ValueError, match="this Context is closed"):
        decoct.matmul(X, X, context=context)
    with pytest.raises(ValueError, match="this Weights is closed"):
        decoct.matmul(X, weights)


def test_memory_stays_during_a_call():
    import array
    held, refused = array.array("f", [1.0] * 256), []

    def grow():
        try:
            held.append(2.0)
        except BufferError:
            refused.append(True)

    with decoct.Context(2, executor=Host(grow)) as context:
        decoct.matmul(X, X, bias=held, context=context)
    assert refused and len(held) == 256
    held.append(2.0)  # afterwards it may grow again


def test_without_waiting():
    """A second thread is refused while the first one's call runs."""
    found = []

    def from_another_thread():
        thread = threading.Thread(target=lambda: found.append(attempt()))
        thread.start()
        thread.join()

    def attempt():
        try:
            return decoct.softmax([1.0], context=context).tolist()
        except decoct.BusyError as error:
            return str(error)

    context = decoct.Context(2, executor=Host(from_another_thread), wait=False)
    decoct.matmul(X, X, context=context)
    assert found and all("in use" in message for message in found)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fork():
    expected = decoct.matmul(X, X).tolist()
    child = os.fork()
    if child == 0:
        os._exit(0 if decoct.matmul(X, X).tolist() == expected else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert decoct.matmul(X, X).tolist() == expected


def test_another_number_of_threads():
    with decoct.Context(threads=1) as context:
        expected = decoct.matmul(X, X, context=context).tolist()
        context.set_threads(2)
        assert context.threads == 2
        assert decoct.matmul(X, X, context=context).tolist() == expected
        with pytest.raises(decoct.ArgumentError):
            context.set_threads(-1)
        assert context.threads == 2
