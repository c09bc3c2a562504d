"""Scrapes, polls and memory under loads that must not be felt: many scrapes, slow readers, targets that never answer."""

import asyncio
import contextlib
import multiprocessing
import re
import selectors
import socket
import statistics
import threading
import time
import zlib


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


def resilio(name, url, count):
    """Targets that are polled often enough for as many polls to be under way as their answers allow."""
    return "".join(f"  - name: {name}{n}\n    vendor: resilio\n    url: {url}\n    interval: 30s\n    timeout: 20s\n"
                   "    stale_after: 5m\n" for n in range(count))


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


class Scrape:
    """A connection that asks for everything again and again; one thread reads all of them, so that the client is not what
    the numbers tell of."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setblocking(False)
        self.ask()

    def ask(self):
        self.begun, self.head, self.left = time.perf_counter(), b"", None
        self.socket.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n")

    def read(self, buffer):
        """Seconds since it was asked, when the last byte has come."""
        count = self.socket.recv_into(buffer)
        if not count:
            raise ConnectionError("closed before the end")
        if self.left is None:
            self.head += buffer[:count]
            if b"\r\n\r\n" not in self.head:
                return None
            head, rest = self.head.split(b"\r\n\r\n", 1)
            if not head.startswith(b"HTTP/1.1 200"):
                raise ConnectionError(head.split(b"\r\n")[0].decode())
            self.left = int(re.search(rb"content-length: (\d+)", head.lower())[1])
            count = len(rest)
        self.left -= count
        return None if self.left else time.perf_counter() - self.begun


def crowd(port, count, seconds):
    """Whole gzip scrapes, so many at once, again and again; how long each took."""
    times, end, buffer = [], time.monotonic() + seconds, bytearray(1 << 20)
    with selectors.DefaultSelector() as ready:
        scrapers = [Scrape(port) for _ in range(count)]
        for scraper in scrapers:
            ready.register(scraper.socket, selectors.EVENT_READ, scraper)
        while time.monotonic() < end:
            for key, _ in ready.select(1):
                if (taken := key.data.read(buffer)) is not None:
                    times.append(taken)
                    key.data.ask()
        for scraper in scrapers:
            scraper.socket.close()
    return times


def polled(tools, daemon):
    """How often the target was polled, and when the last poll began."""
    body = zlib.decompress(tools.get(daemon.port, "/metrics?target=builds", tools.ACCEPT_GZIP)[1], 31)
    def value(name):
        # There is no duration before the first poll has ended.
        found = re.search(rb"\n%s\{[^}]*\} (\S+)" % name, body)
        return float(found[1]) if found else 0.0
    return (value(b"rollcall_polls_total"),
            value(b"rollcall_target_last_poll_timestamp_seconds") - value(b"rollcall_target_poll_duration_seconds"))


def distance(before, after):
    """Seconds between the beginnings of polls."""
    return (after[1] - before[1]) / max(1, after[0] - before[0])


class Loads:
    """The same daemon with one target that is scraped and polled every 5 s, and each of these loads beside it."""

    SETTLE, SECONDS, EVERY = 12, 25, 5

    def __init__(self, bench, simulation, reader, percentile, tools):
        self.bench, self.reader, self.percentile, self.tools = bench, reader, percentile, tools
        self.target = bench.azure(simulation.azure, f"{self.EVERY}s")

    def once(self, more, load):
        with self.bench.serve(self.target + more, "fair") as daemon:
            # First polls are spread over half a minute, and a silent target is given up after 20 s: most are under way
            # while this is measured.
            self.tools.wait_for("the first poll", lambda: polled(self.tools, daemon)[0])
            time.sleep(self.SETTLE)
            before = polled(self.tools, daemon)
            with load(daemon.port) if load else contextlib.nullcontext():
                times = scrapes(self.reader, daemon.port, self.SECONDS)
            return (self.percentile(times, 0.99), distance(before, polled(self.tools, daemon)),
                    daemon.memory("VmHWM"))

    def run(self, more="", load=None):
        """Medians of: p99 of the scrapes in seconds, distance of the polls in seconds, peak memory in bytes."""
        runs = [self.once(more, load) for _ in range(self.bench.options.runs)]
        return [statistics.median(run[index] for run in runs) for index in range(3)]

    def rows(self, name, ours, beside, peace):
        row = self.bench.table.row
        row(f"{name}: p99 of a scrape of another target", f"{ours[0] * 1000:.1f} ms",
            f"{beside} {peace[0] * 1000:.1f} ms", ours[0] / peace[0])
        row(f"{name}: from one poll of it to the next", f"{ours[1]:.3f} s", f"asked for {self.EVERY} s",
            ours[1] / self.EVERY)
        row(f"{name}: peak memory", f"{ours[2] / 1e6:.0f} MB", f"{beside} {peace[2] / 1e6:.0f} MB", ours[2] / peace[2])

    def crowd(self):
        with self.bench.serve(self.target, "fair", flags=("--web.max-requests", "80")) as daemon:
            self.bench.ready(daemon)
            alone = self.percentile(crowd(daemon.port, 1, 5), 0.99)
            memory, before = daemon.memory("VmHWM"), polled(self.tools, daemon)
            times = crowd(daemon.port, 64, self.SECONDS)
            after, peak = polled(self.tools, daemon), daemon.memory("VmHWM")
        many, usual = self.percentile(times, 0.99), statistics.median(times)
        return alone, many, usual, distance(before, after), memory, peak


def measure(bench, reader, free_port, percentile):
    """For each load: the p99 of a scrape, the distance of polls and the peak memory, beside the same without it.

    Ten thousand targets cost something by themselves, for they have series. So what they cost when they answer stands in
    rows of its own, and what their silence costs is told beside it."""
    import measure as tools  # pylint: disable=import-outside-toplevel
    with bench.simulate(20_000) as simulation:
        loads = Loads(bench, simulation, reader, percentile, tools)
        peace = loads.run()
        loads.rows("32 readers of a byte a second", loads.run(load=lambda port: Slow(port, 32)), "in peace", peace)
        port = free_port()
        with Peer(dripping, port):
            dripped = loads.run(resilio("drip", f"http://127.0.0.1:{port}", 100))
            loads.rows("100 vendors that drip", dripped, "in peace", peace)
        answered = loads.run(resilio("filer", simulation.resilio, 10_000))
        loads.rows("10,000 targets that answer", answered, "in peace", peace)
        port = free_port()
        with Peer(silent, port):
            hushed = loads.run(resilio("silent", f"http://127.0.0.1:{port}", 10_000))
            loads.rows("10,000 targets that never answer", hushed, "answering", answered)
        runs = [loads.crowd() for _ in range(bench.options.runs)]
        alone, many, usual, apart, memory, peak = (statistics.median(run[index] for run in runs) for index in range(6))
        row = bench.table.row
        row("64 whole scrapes at once: p99, beside 64 one after the other", f"{many * 1000:.1f} ms",
            f"{alone * 64000:.1f} ms", many / alone / 64)
        row("64 whole scrapes at once: p99 beside the median of them", f"{many * 1000:.1f} ms", f"{usual * 1000:.1f} ms",
            many / usual)
        row("64 whole scrapes at once: from one poll to the next", f"{apart:.3f} s", f"asked for {loads.EVERY} s",
            apart / loads.EVERY)
        row("64 whole scrapes at once: peak memory", f"{peak / 1e6:.0f} MB", f"one at a time {memory / 1e6:.0f} MB",
            peak / memory)
