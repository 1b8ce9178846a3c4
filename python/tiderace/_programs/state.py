"""A state as bytes: one flat record, as the core keeps it."""

import struct
from typing import Any

from tiderace._programs.plain import Held
from tiderace._programs.words import WIDE, Array, Record, Scalar, Type

_NAN = bytes.fromhex("000000000000f87f")


def pack(kind: Type, value: Any) -> bytes:
    """Return a value's bytes, little-endian, 8 or 16 for each number."""
    if isinstance(kind, Array):
        return b"".join(pack(kind.element, each) for each in value)
    if isinstance(kind, Record):
        return b"".join(pack(each, getattr(value, name)) for name, each in kind.fields)
    if kind == Scalar.FLOAT:
        return _NAN if value != value else struct.pack("<d", value)
    return int(value).to_bytes(16 if kind in WIDE else 8, "little", signed=True)


def unpack(kind: Type, data: bytes) -> Any:
    """Return what bytes hold."""
    value, _ = _unpack(kind, data, 0)
    return value


def _unpack(kind: Type, data: bytes, at: int) -> tuple[Any, int]:
    if isinstance(kind, Array):
        values = []
        for _ in range(kind.length):
            value, at = _unpack(kind.element, data, at)
            values.append(value)
        return values, at
    if isinstance(kind, Record):
        held = Held()
        for name, each in kind.fields:
            value, at = _unpack(each, data, at)
            setattr(held, name, value)
        return held, at
    end = at + (16 if kind in WIDE else 8)
    if kind == Scalar.FLOAT:
        return struct.unpack("<d", data[at:end])[0], end
    number = int.from_bytes(data[at:end], "little", signed=True)
    return (number != 0 if kind == Scalar.BOOL else number), end
