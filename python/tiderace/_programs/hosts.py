"""What a program may ask of its host, and the capabilities that it names for it."""

import re

from tiderace._programs.tree import HostFunction

# Functions that a program calls as tr.host.NAME(...). The host's own table, checked again when a
# form is loaded, is the one that counts.
HOSTS: dict[str, HostFunction] = {}

# What a program may be granted: `book:*` reads every book of its run, `book:NAME` one of them.
_CAPABILITY = re.compile(r"(book:[a-z0-9_.*-]{1,58}|parent|timer)\Z")
CAPABILITIES = "book:* or book:NAME, parent, timer"


def is_capability(word: str) -> bool:
    """Return whether there is such a capability."""
    return _CAPABILITY.match(word) is not None
