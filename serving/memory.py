"""Memory that was freed, given back to the system."""

from __future__ import annotations

import ctypes

import pyarrow as pa


def give_back() -> None:
    """Gives back what was freed: 10 ms, after work that took much of it.

    The C library keeps what a thread freed for threads to come, each in pieces of its own: a service that reads the
    store again and again in one thread or another would hold all of it several times over. Where the C library knows
    no `malloc_trim` (others than glibc), it decides by itself.
    """
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
