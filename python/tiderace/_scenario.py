"""Scenario files, the register of controls, and journals of a venue, for the command line."""

import json
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tiderace import _core
from tiderace.errors import InputError, JournalError, core_errors

# Length, kind, a gap, sequence, time, CRC of the outputs before, CRC of header and payload.
_RECORD_HEADER = struct.Struct("<IHHQqII")
_SEQ_END = 2**64 - 1
# Rows of `cat` in memory: a few segments are read twice for it.
_ROWS_AT_ONCE = 65_536


class Told:
    """One scenario file that was done.

    Parameters
    ----------
    passed
        Whether every check held.
    is_bad
        Whether the file is no scenario.
    row
        What ``--json`` prints: ``file passed line wanted got``.
    words
        The same for a person.
    """

    def __init__(self, passed: bool, is_bad: bool, row: str, words: str) -> None:
        self.passed = passed
        self.is_bad = is_bad
        self.row = row
        self.words = words


def tell(paths: Sequence[str], *, strict: bool, crash_everywhere: bool) -> Iterator[Told]:
    """Do scenario files one by one, those of folders in order of their names."""
    with core_errors():
        files = _core.scenario_files(list(paths))
    for file in files:
        yield Told(*_core.run_scenario(file, strict=strict, crash_everywhere=crash_everywhere))


def controls() -> dict[str, Any]:
    """Return the controls of the venue and the requirements that they answer."""
    found: dict[str, Any] = json.loads(_core.venue_controls())
    return found


def check(journal: str) -> dict[str, Any]:
    """Check every byte of a journal."""
    with core_errors():
        found: dict[str, Any] = json.loads(_core.journal_check(_folder(journal)))
    return found


def stat(journal: str) -> list[dict[str, Any]]:
    """Return what the headers of a journal's segments say."""
    with core_errors():
        rows: list[dict[str, Any]] = json.loads(_core.journal_stat(_folder(journal)))
    return rows


def cat(journal: str, *, first: int, end: int | None) -> Iterator[dict[str, Any]]:
    """Yield the records from ``first`` up to, not including, ``end``; those before damage too."""
    folder = _folder(journal)
    stop = _SEQ_END if end is None else _seq(end)
    # Older segments may be gone.
    at = max(_seq(first), *(row.get("first_seq", 0) for row in stat(journal)[:1]), 0)
    while at < stop:
        rows: list[dict[str, Any]] = []

        def each(
            segment: str,
            seq: int,
            ts_ns: int,
            kind: int,
            payload: bytes,
            rows: list[dict[str, Any]] = rows,
        ) -> None:
            row = {"seq": seq, "ts_ns": ts_ns, "kind": kind, "payload": bytes(payload).hex()}
            rows.append(row | {"segment": Path(segment).name})

        upto, failed = min(at + _ROWS_AT_ONCE, stop), None
        try:
            with core_errors():
                _core.journal_cat(folder, at, upto, each)
        except JournalError as error:
            failed = error
        yield from rows
        if failed is not None:
            raise failed
        if len(rows) < upto - at:
            return
        at = upto


def repair(journal: str, *, discard_from: int) -> dict[str, Any]:
    """Discard every record from a sequence on, and a damaged emergency segment; bytes are kept."""
    folder, discard_from = _folder(journal), _seq(discard_from)
    with core_errors():
        next_seq, discarded, emergency = _core.journal_repair(folder, discard_from)
    return {
        "next_seq": next_seq,
        "discarded": str(discarded),
        "emergency": None if emergency is None else str(emergency),
    }


def prove(journal: str, *, seq: int, key_name: str, seed_file: str) -> tuple[str, str]:
    """Return a proof file that one record stands in a journal, and the key that checks it."""
    with core_errors():
        return _core.journal_prove(_folder(journal), _seq(seq), key_name, seed_file)


def verify(proof: str, *, keys: str) -> dict[str, Any]:
    """Check a proof file against the keys of a file, one a line, and say what it shows."""
    with core_errors():
        shown: dict[str, Any] = json.loads(_core.journal_verify(_bytes(proof), _text(keys)))
    record = bytes.fromhex(shown.pop("record"))
    if len(record) < _RECORD_HEADER.size:
        raise InputError(
            f"{proof} proves {len(record)} bytes that are no record of a venue",
            rule="A leaf of a journal's tree is a record with its header",
            remedy="Name a proof that `tiderace journal prove` printed",
        )
    _, kind, _, seq, ts_ns, _, _ = _RECORD_HEADER.unpack_from(record)
    payload = record[_RECORD_HEADER.size :].hex()
    return {"seq": seq, "ts_ns": ts_ns, "kind": kind, "payload": payload} | shown


def _bytes(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror or error}",
            rule="The file is there",
            remedy="Check the path",
        ) from error


def _text(path: str) -> str:
    try:
        return _bytes(path).decode()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not text",
            rule="Verifier keys are lines of UTF-8, name+id+base64key",
            remedy="Name the file of the key that `tiderace journal prove` printed to stderr",
        ) from error


def _seq(number: int) -> int:
    if number > _SEQ_END:
        raise InputError(
            f"sequence {number}",
            rule=f"A sequence is at most {_SEQ_END}",
            remedy="See `tiderace journal check` for those that are there",
        )
    return number


def _folder(journal: str) -> str:
    folder = Path(journal)
    if not folder.is_dir():
        raise _no_journal(f"{journal} is no folder")
    # Where snapshots are left without segments, the core says what is lost.
    if not any(path.suffix in {".seg", ".snap"} for path in folder.iterdir()):
        raise _no_journal(f"{journal} holds no journal")
    return journal


def _no_journal(message: str) -> InputError:
    return InputError(
        message,
        rule="A venue's journal is a folder of segments",
        remedy="Name the folder that the venue was given",
    )
