#!/usr/bin/env python3
"""What somebody at the daemon's port can take from others: memory by heads that never end, places by readers that do not read,
and time by large answers. Prints one table for one or more programs, to compare them.

    tests/scale/door.py target/release/rollcall [another/rollcall ...]
"""

import contextlib
import os
import re
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HEADS = 500
SCRAPERS = 60
CLIENTS = 32
AGENTS = 20_000
ASKED = 60
BIG = 10_000_000


class Daemon:
    """`rollcall demo` on a free port, until the end of the block."""

    def __init__(self, program, agents, *flags):
        self.log = tempfile.NamedTemporaryFile("r", suffix=".log")
        command = [program, "demo", "--agents", str(agents), "--frozen", "--web.listen-address", "127.0.0.1:0", *flags]
        with open(self.log.name, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
        self.port = self.wait(lambda: re.search(r"Listening\..*address=127\.0\.0\.1:(\d+)", self.log.read()), "it listens")
        self.port = int(self.port.group(1))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def wait(self, ask, what, limit=120):
        until = time.monotonic() + limit
        while time.monotonic() < until:
            self.log.seek(0)
            answer = ask()
            if answer:
                return answer
            time.sleep(0.05)
        sys.exit(f"not within {limit} s: {what}")

    def connect(self):
        stream = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return stream

    def ask(self, path):
        """Status and length of the body, over a connection of its own; 0 where there is no answer."""
        try:
            with self.connect() as stream:
                stream.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
                head, length = b"", 0
                while b"\r\n\r\n" not in head:
                    piece = stream.recv(65536)
                    if not piece:
                        return 0, 0
                    head += piece
                head, _, body = head.partition(b"\r\n\r\n")
                length = len(body)
                while piece := stream.recv(1 << 20):
                    length += len(piece)
                return int(head.split()[1]), length
        except OSError:
            return 0, 0

    def memory(self, field):
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as status:
            return next(int(line.split()[1]) for line in status if line.startswith(field + ":")) / 1024

    def healthy(self):
        """Median and worst time of the answer, in milliseconds."""
        times = []
        for _ in range(ASKED):
            begun = time.monotonic()
            self.ask("/-/healthy")
            times.append((time.monotonic() - begun) * 1000)
            time.sleep(0.02)
        return statistics.median(times), max(times)


def heads(program):
    """MiB that unfinished heads cost."""
    with Daemon(program, 20) as daemon:
        time.sleep(3)
        before = daemon.memory("VmHWM")
        head = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 380_000
        streams = [daemon.connect() for _ in range(HEADS)]
        for stream in streams:
            stream.settimeout(0.2)
            with contextlib.suppress(OSError):
                stream.sendall(head)
        time.sleep(1)
        return daemon.memory("VmHWM") - before


def silent(program):
    """Seconds until a scrape is answered whole beside readers that do not read."""
    with Daemon(program, AGENTS) as daemon:
        daemon.wait(lambda: daemon.ask("/metrics")[1] >= BIG, "a large answer")
        streams = []
        for _ in range(SCRAPERS):
            streams.append(daemon.connect())
            streams[-1].sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        begun = time.monotonic()
        while daemon.ask("/metrics")[1] < BIG:
            time.sleep(0.05)
        return time.monotonic() - begun


def large(program, path):
    """Median and worst time until the daemon says that it is healthy beside clients of large answers, and their answers."""
    with Daemon(program, AGENTS) as daemon:
        daemon.wait(lambda: daemon.ask("/metrics")[1] >= BIG, "a large answer")
        url = f"http://127.0.0.1:{daemon.port}{path}"
        loop = f"while :; do curl -s -o /dev/null -w '.' '{url}'; done"
        with tempfile.TemporaryFile() as answers:
            clients = []
            try:
                for _ in range(CLIENTS):
                    # Whatever becomes of this script, they end.
                    client = ["timeout", "120", "sh", "-c", loop]
                    clients.append(subprocess.Popen(client, stdout=answers, start_new_session=True))
                time.sleep(2)
                begun, already = time.monotonic(), os.fstat(answers.fileno()).st_size
                median, worst = daemon.healthy()
                rate = (os.fstat(answers.fileno()).st_size - already) / (time.monotonic() - begun)
            finally:
                for client in clients:
                    os.killpg(client.pid, signal.SIGKILL)
                    client.wait()
        return median, worst, rate


def main():
    # Stopped, it ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    programs = sys.argv[1:] or sys.exit(__doc__)
    print("| program | " + " | ".join([
        f"{HEADS} unfinished heads", f"a scrape beside {SCRAPERS} that do not read",
        f"healthy under {CLIENTS} clients of large JSON", f"healthy under {CLIENTS} plain scrapes",
    ]) + " |\n|---|--:|--:|--:|--:|")
    for program in programs:
        json = large(program, "/api/v1/agents?limit=10000")
        plain = large(program, "/metrics")
        shown = [f"{heads(program):.0f} MiB", f"{silent(program):.2f} s"]
        shown += ["median {:.1f} ms, worst {:.0f} ms ({:.0f} answers/s)".format(*one) for one in (json, plain)]
        print(f"| {program} | " + " | ".join(shown) + " |", flush=True)


if __name__ == "__main__":
    main()
