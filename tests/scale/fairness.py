"""Scrapes, polls and memory under loads that must not be felt: many scrapes, slow readers, targets that never answer."""

import asyncio
import multiprocessing
import socket
import threading
import time


def silent(port, ready):
    """Takes every connection and never answers."""
    async def hold(reader, _):
        await reader.read(-1)

    async def listen():
        server = await asyncio.start_server(hold, "127.0.0.1", port, backlog=4096)
        ready.set()
        await server.serve_forever()

    asyncio.run(listen())


def dripping(port, ready):
    """Answers with a head at once, and then with a byte of its body a second."""
    async def drip(reader, writer):
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{")
            while True:
                await writer.drain()
                await asyncio.sleep(1)
                writer.write(b" ")
        except (OSError, asyncio.IncompleteReadError):
            pass

    async def listen():
        server = await asyncio.start_server(drip, "127.0.0.1", port, backlog=4096)
        ready.set()
        await server.serve_forever()

    asyncio.run(listen())


class Peer:
    """One of these servers in a process of its own."""

    def __init__(self, serve, port):
        ready = multiprocessing.Event()
        self.process = multiprocessing.Process(target=serve, args=(port, ready), daemon=True)
        self.process.start()
        ready.wait(30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.join()


def resilio(name, port, count, timeout="20s"):
    return "".join(f"  - name: {name}{n}\n    vendor: resilio\n    url: http://127.0.0.1:{port}\n    timeout: {timeout}\n"
                   for n in range(count))


class Slow:
    """Readers of a scrape who take a byte a second."""

    def __init__(self, port, count):
        self.sockets, self.stop = [], threading.Event()
        for _ in range(count):
            reader = socket.socket()
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.connect(("127.0.0.1", port))
            reader.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.sockets.append(reader)
        self.thread = threading.Thread(target=self.read, daemon=True)

    def read(self):
        while not self.stop.wait(1):
            for reader in self.sockets:
                try:
                    reader.recv(1)
                except OSError:
                    pass

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        for reader in self.sockets:
            reader.close()


def scrapes(reader, port, seconds):
    """Gzip scrapes one after the other; how long each took."""
    times, end, client = [], time.monotonic() + seconds, reader(port)
    while time.monotonic() < end:
        times.append(client.time("/metrics?target=builds", "Accept-Encoding: gzip\r\n")[0])
        time.sleep(0.05)
    return times


def crowd(reader, port, count, seconds):
    """Whole gzip scrapes, so many at once, again and again."""
    all_times, threads = [], []

    def run():
        end, client = time.monotonic() + seconds, reader(port)
        while time.monotonic() < end:
            all_times.append(client.time("/metrics", "Accept-Encoding: gzip\r\n")[0])

    for _ in range(count):
        threads.append(threading.Thread(target=run))
        threads[-1].start()
    for thread in threads:
        thread.join()
    return all_times


def measure(bench, reader, free_port, percentile):
    """One row for each load: p99 of a scrape beside that in peace, polls skipped, and peak memory."""
    seconds = 20
    with bench.simulate(20_000) as simulation:
        target = bench.azure(simulation.azure, "5s")

        def run(name, more="", load=None, ready=True):
            with bench.serve(target + more, "fair", flags=("--web.max-requests", "80")) as daemon:
                if ready:
                    bench.ready(daemon)
                else:
                    # All polls are under way by then, and those that began first have ended.
                    time.sleep(40)
                before, begun = bench.polls(daemon), time.monotonic()
                if load:
                    with load(daemon.port):
                        times = scrapes(reader, daemon.port, seconds)
                else:
                    times = scrapes(reader, daemon.port, seconds)
                rate = (bench.polls(daemon) - before) / ((time.monotonic() - begun) / 5)
                p99, peak = percentile(times, 0.99), daemon.memory("VmHWM")
            return name, p99, rate, peak

        calm = run("in peace")
        rows = [run("32 readers of a byte a second", load=lambda port: Slow(port, 32))]
        port = free_port()
        with Peer(dripping, port):
            rows.append(run("100 vendors that drip", more=resilio("drip", port, 100), ready=False))
        port = free_port()
        with Peer(silent, port):
            rows.append(run("10,000 targets that never answer", more=resilio("silent", port, 10_000), ready=False))
        for name, p99, rate, peak in rows:
            bench.table.row(f"{name}: p99 of a scrape", f"{p99 * 1000:.1f} ms", f"in peace {calm[1] * 1000:.1f} ms",
                            p99 / calm[1])
            bench.table.row(f"{name}: polls on time", f"{rate:.2f}", f"in peace {calm[2]:.2f}", rate / calm[2])
            bench.table.row(f"{name}: peak memory", f"{peak / 1e6:.0f} MB", f"in peace {calm[3] / 1e6:.0f} MB",
                            peak / calm[3])
        with bench.serve(target, "fair", flags=("--web.max-requests", "80")) as daemon:
            bench.ready(daemon)
            alone = crowd(reader, daemon.port, 1, 5)
            many = crowd(reader, daemon.port, 64, seconds)
            bench.table.row("64 whole scrapes at once: p99 of each, beside 64 one after the other",
                            f"{percentile(many, 0.99) * 1000:.1f} ms", f"{percentile(alone, 0.99) * 64000:.1f} ms",
                            percentile(many, 0.99) / percentile(alone, 0.99) / 64)
