"""What was freed goes back to the system, whichever thread had it."""

import ctypes
import threading

import psutil
import pytest

from serving.memory import give_back

MIB = 1 << 20


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="another C library than glibc")
def test_what_threads_have_freed_goes_back():
    kept, held = [], psutil.Process().memory_info
    give_back()  # What others have freed would be taken first.
    before = held().rss

    def work():
        parts = [bytearray(100_000) for _ in range(2000)]
        kept.append(parts[-1])  # What lies above what was freed keeps it from going back by itself.

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    freed = held().rss
    assert freed - before > 150 * MIB
    give_back()
    assert held().rss - before < 50 * MIB
