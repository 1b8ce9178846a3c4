"""Tiderace beside hftbacktest and NautilusTrader, asked the same on the same events in the same run.

``python -m benches.peers.compare`` is the command. Peers are installed from PyPI, each into a
virtual environment of its own below ``out/peers``; nothing of them is imported here but in their
own adapter, which runs there.
"""
