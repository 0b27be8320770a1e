"""The memory that a program frees and needs again at once.

XLA allocates and frees the same large buffers at every step. By default the allocator of glibc maps
each of them from the system and gives it back, so that every step pays for fresh, zeroed pages.
"""

import ctypes
import os
import platform

VARIABLE = "GANC_KEEP_MEMORY"
"""The environment variable that switches it off, with the value 0."""

# Parameters of mallopt, as <malloc.h> numbers them.
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8


def keep_freed_memory() -> bool:
    """Makes the process keep freed memory for what it allocates next; computed bits stay the same.

    No block is mapped by itself, nothing is trimmed, and there is one arena, so that what one
    thread frees another can take. The process never shrinks below its peak. Linux with glibc alone;
    call it before threads have allocated.

    Returns: whether it was done.
    """
    if os.environ.get(VARIABLE) == "0" or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    settings = {_MMAP_MAX: 0, _TRIM_THRESHOLD: -1, _ARENA_MAX: 1}
    return all([mallopt(parameter, value) for parameter, value in settings.items()])
