"""What Python and compiled code share; see ``c/threads.h``."""

from __future__ import annotations

import ctypes

__all__ = ["Run", "Worker"]


class Run(ctypes.Structure):
    """What the C function is told; see ``threads.h``."""

    _fields_ = [
        ("feeds", ctypes.c_void_p),
        ("variables", ctypes.c_void_p),
        ("lengths", ctypes.c_void_p),
        ("outputs", ctypes.c_void_p),
        ("order", ctypes.c_void_p),
        ("rows", ctypes.c_int64),
        ("batch_size", ctypes.c_int64),
        ("steps", ctypes.c_int64),
        ("guard", ctypes.c_int64),
        ("threads", ctypes.c_int64),
        ("tile", ctypes.c_int64),
        ("memory", ctypes.c_void_p),
        ("memory_of_rows", ctypes.c_void_p),
        ("capacity", ctypes.c_int64),
        ("ragged", ctypes.c_void_p),
        ("counts", ctypes.c_void_p),
        ("found", ctypes.c_void_p),
        ("bad", ctypes.c_int64 * 3),
        ("stopped", ctypes.c_int64),
        ("workers", ctypes.c_void_p),
        ("work", ctypes.c_void_p),
        ("work_size", ctypes.c_int64),
        ("arrived", ctypes.c_int64),
        ("left", ctypes.c_int64),
        ("next", ctypes.c_int64),
        ("last", ctypes.c_int64),
        ("until", ctypes.c_int64),
        ("warm", ctypes.c_int64),
        ("begun", ctypes.c_int64),
        ("skipped", ctypes.c_int64),
        ("stride", ctypes.c_int64),
        ("pace", ctypes.c_void_p),
        ("times", ctypes.c_void_p),
    ]


class Worker(ctypes.Structure):
    """One thread of a run; see ``threads.h``."""

    _fields_ = [
        ("run", ctypes.c_void_p),
        ("number", ctypes.c_int64),
        ("sense", ctypes.c_int64),
        ("own", ctypes.c_void_p),
        ("bad", ctypes.c_int64 * 3),
        ("padding", ctypes.c_char * 64),
    ]
