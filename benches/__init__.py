"""What Tiderace is measured by: ``tiderace bench NAME``, ``make bench``; ``benches/peers`` compares.

Each bench is a module with ``run(*, is_smoke)``, which measures every part in a process of its own
(`_process`) and returns the figures, and ``measure(**sizes)``, which is what runs there. A result
holds ``input`` (sizes), ``recipe`` (how the input was made), ``checksum`` (of what came out),
``mode`` (durability of the journal), ``build`` and the figures, each ``{"median", "p99", "max"}``.
"""
