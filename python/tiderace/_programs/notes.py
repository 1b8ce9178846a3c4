"""What a form says for people: its labels, and where its statements stand in its file."""

import struct

from tiderace._programs.emit import FRAME_BYTES, core_end

TRAPS = {
    1: "overflow",
    2: "div_zero",
    3: "bounds",
    4: "shift",
    5: "range_step",
    6: "float_to_int",
    7: "out_of_fuel",
    8: "host",
}
"""Traps by their number in `docs/PROGRAM.md`."""


def labels(form: bytes) -> list[str]:
    """Return the labels of a form that the front end made, by their number."""
    _, at = _text(form, FRAME_BYTES)
    for each in (2, 1):  # meta, of keys and values; capabilities
        count, at = form[at] * each, at + 1
        for _ in range(count):
            _, at = _text(form, at)
    (count,) = struct.unpack_from("<H", form, at)
    found, at = [], at + 2
    for _ in range(count):
        text, at = _text(form, at)
        found.append(text)
    return found


def lines(form: bytes) -> list[int]:
    """Return the line of each statement of a form; none where it has no debug section."""
    at = core_end(form)
    if len(form) <= at:
        return []
    _, at = _text(form, at + 1)
    (count,) = struct.unpack_from("<I", form, at)
    return [line for line, _ in struct.iter_unpack("<II", form[at + 4 : at + 4 + 8 * count])]


def file(form: bytes) -> str:
    """Return the name of the file that a form comes from; empty without a debug section."""
    at = core_end(form)
    return _text(form, at + 1)[0] if len(form) > at else ""


def _text(data: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + data[at]
    return data[at + 1 : end].decode(), end
