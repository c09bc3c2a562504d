"""Measures Rollcall beside its peers; see `run`. Prints a table in Markdown, one line for each criterion."""

import argparse
import http.client
import json
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

HERE = Path(__file__).parent
TICK = os.sysconf("SC_CLK_TCK")
ACCEPT_GZIP = {"Accept-Encoding": "gzip"}


def say(*words):
    print(*words, file=sys.stderr, flush=True)


class Process:
    """A program that is stopped by its number when this is left."""

    def __init__(self, command, **options):
        options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | options
        self.child = subprocess.Popen([str(word) for word in command], **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(15)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def cpu(self):
        """User and system time so far, in seconds."""
        fields = Path(f"/proc/{self.child.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory(self, field="VmRSS"):
        """In bytes; VmHWM is the peak."""
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        return int(re.search(rf"{field}:\s+(\d+)", status)[1]) * 1024



def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def get(port, path="/", headers=None, timeout=300):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    connection.request("GET", path, headers=headers or {})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def wait_for(what, ask, patience=600, pause=0.05):
    end = time.monotonic() + patience
    while True:
        try:
            if answer := ask():
                return answer
        except (OSError, http.client.HTTPException):
            pass
        if time.monotonic() > end:
            raise SystemExit(f"not within {patience} s: {what}")
        time.sleep(pause)


class Reader:
    """A connection that reads answers into one buffer, as fast as the kernel gives them."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.buffer = bytearray(4 << 20)

    def time(self, path, headers=""):
        """Seconds from the request to the last byte, and the length of the body."""
        begun = time.perf_counter()
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
        head, size = b"", 0
        while b"\r\n\r\n" not in head:
            count = self.socket.recv_into(self.buffer)
            if not count:
                raise ConnectionError("closed before the head")
            head += self.buffer[:count]
        head, rest = head.split(b"\r\n\r\n", 1)
        length = int(re.search(rb"content-length: (\d+)", head.lower())[1])
        if not head.startswith(b"HTTP/1.1 200"):
            raise ConnectionError(head.split(b"\r\n")[0].decode())
        size = len(rest)
        while size < length:
            count = self.socket.recv_into(self.buffer)
            if not count:
                raise ConnectionError("closed before the end")
            size += count
        return time.perf_counter() - begun, length


class Table:
    def __init__(self):
        self.rows = []

    def row(self, what, ours, peer, ratio=None, goal=None, lower=True):
        verdict = ""
        if goal is not None and ratio is not None:
            verdict = "reached" if (ratio <= goal if lower else ratio >= goal) else "**missed**"
        text = "" if ratio is None else f"{ratio:.3g}"
        sign = "" if goal is None else ("≤ " if lower else "≥ ") + f"{goal:g}"
        self.rows.append((what, ours, peer, text, sign, verdict))
        say("   ", *self.rows[-1])

    def print(self):
        print("| what | Rollcall | peer or bound | ratio | goal | |")
        print("|---|---|---|---|---|---|")
        for row in self.rows:
            print("| " + " | ".join(row) + " |")


def ms(seconds):
    return f"{seconds * 1000:.1f} ms"


def mb(count):
    return f"{count / 1e6:.1f} MB"


def median(values):
    return statistics.median(values)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder, self.table = options, folder, Table()
        self.empty = None

    def simulate(self, agents, frozen=True, more=()):
        """The simulated APIs; returns the process and where Azure DevOps and Resilio are."""
        config = self.folder / f"simulation-{agents}.yml"
        # That of an earlier one tells ports that are closed.
        config.unlink(missing_ok=True)
        flags = ["--frozen"] if frozen else []
        process = Process([self.options.rollcall, "simulate", "--force", "--agents", agents, "--config.file", config]
                          + flags + [*more, "--log.level", "error"])
        def urls():
            text = config.read_text() if config.exists() else ""
            return re.findall(r"http://127.0.0.1:\d+/contoso|http://127.0.0.1:\d+/filer-01", text)
        found = wait_for("the simulated APIs", lambda: sorted(urls()))
        process.azure = next(url for url in found if url.endswith("contoso"))
        process.resilio = next(url for url in found if url.endswith("filer-01"))
        process.site = re.search(r"vendor: citrix_site\n +url: (\S+)", config.read_text())[1]
        process.console = re.search(r"vendor: resilio_console\n +url: (\S+)", config.read_text())[1]
        return process

    def serve(self, targets, name="rollcall", defaults="interval: 1h", flags=()):
        config = self.folder / f"{name}.yml"
        config.write_text(f"defaults:\n  {defaults}\ntargets:\n{targets}")
        port = free_port()
        process = Process([self.options.rollcall, "serve", "--config.file", config, "--log.level", "error",
                           "--web.listen-address", f"127.0.0.1:{port}", *flags])
        process.port = port
        return process

    @staticmethod
    def azure(url, interval="1h", name="builds", largest="256MiB"):
        return (f"  - name: {name}\n    vendor: azure_devops\n    url: {url}\n    interval: {interval}\n"
                f"    timeout: 5m\n    stale_after: 4h\n    max_response_size: {largest}\n    max_agents: 5000000\n"
                "    auth: { pat: simulated-personal-access-token }\n")

    @staticmethod
    def console_target(url, interval="1h"):
        return (f"  - name: mc\n    vendor: resilio_console\n    url: {url}\n    interval: {interval}\n"
                "    stale_after: 4h\n    auth: { api_token: simulated-console-token }\n")

    @staticmethod
    def site_target(url, interval="1h"):
        return (f"  - name: site\n    vendor: citrix_site\n    url: {url}\n    interval: {interval}\n    stale_after: 4h\n"
                "    auth: { username: 'CORP\\svc-rollcall', password: simulated-site-password }\n")

    def polls(self, daemon, name="builds"):
        status, body = get(daemon.port, f"/metrics?target={name}", ACCEPT_GZIP)
        found = re.search(rb"\nrollcall_polls_total\{[^}]*\} (\d+)", zlib.decompress(body, 31))
        return int(found[1]) if status == 200 and found else 0

    def ready(self, daemon):
        """After the first poll of every target, and after what was new was joined."""
        def up():
            targets = json.loads(get(daemon.port, "/api/v1/targets")[1])["targets"]
            return targets if all(target["up"] for target in targets) else None
        # Seldom: the answers cost CPU, too.
        targets = wait_for("every target is up", up, pause=0.5)
        time.sleep(2.5)
        return sum(target["series"] for target in targets)

    # The measurements.

    def scrape(self):
        """A million series beside nginx with the same bytes."""
        with self.simulate(145_000) as simulation, self.serve(self.azure(simulation.azure)) as daemon:
            series = self.ready(daemon)
            plain, packed = get(daemon.port, "/metrics")[1], get(daemon.port, "/metrics", ACCEPT_GZIP)[1]
            lines = [text.count(b'target="') for text in (plain, zlib.decompress(packed, 31))]
            assert lines[0] == lines[1] >= series, "one member with the same lines"
            # A histogram is ready before the scrape like everything else: of each kind the cost is that of its bytes.
            histograms = sum(plain.count(name) for name in (b"\nazure_devops_pool_job_wait_seconds_", b"\nazure_devops_pool_job_duration_seconds_"))
            text = f"{series:,} series, {histograms:,} of them of histograms, {mb(len(plain))} plain, {mb(len(packed))} gzip"
            # What it takes by itself, before the scrapes' own buffers.
            self.table.row(f"idle memory; {text}", mb(daemon.memory()), mb(len(plain)),
                           daemon.memory() / len(plain), 1.5)
            if not shutil.which("nginx"):
                self.table.row("scrape beside nginx", "", "nginx is missing")
                return
            with self.nginx(plain, packed) as nginx:
                for kind, headers, goal in [("plain", "", 1.3), ("gzip", "Accept-Encoding: gzip\r\n", 1.3)]:
                    ours, theirs = Reader(daemon.port), Reader(nginx.port)
                    times, cpu = {"ours": [], "theirs": []}, [daemon.cpu(), nginx.cpu_all()]
                    for turn in range(4 * self.options.runs + 2):
                        for key, reader, path in [("ours", ours, "/metrics"), ("theirs", theirs, "/metrics.txt")]:
                            taken, _ = reader.time(path, headers)
                            if turn >= 2:
                                times[key].append(taken)
                    a, b = median(times["ours"]), median(times["theirs"])
                    self.table.row(f"scrape of these, {kind}", ms(a), f"nginx {ms(b)}", a / b, goal)
                    turns = 4 * self.options.runs + 2
                    own, other = (daemon.cpu() - cpu[0]) / turns, (nginx.cpu_all() - cpu[1]) / turns
                    self.table.row(f"CPU of the server, {kind}", ms(own), f"nginx {ms(other)}",
                                   own / other if other else None)

    def nginx(self, plain, packed):
        root = self.folder / "nginx"
        root.mkdir(exist_ok=True)
        # nginx's worker may run as another user.
        self.folder.chmod(0o755)
        (root / "metrics.txt").write_bytes(plain)
        (root / "metrics.txt.gz").write_bytes(packed)
        port = free_port()
        (root / "nginx.conf").write_text(
            f"daemon off; pid {root}/pid; error_log {root}/error.log; worker_processes 1;\n"
            "events { worker_connections 128; }\n"
            f"http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000; client_body_temp_path {root}/b;"
            f" proxy_temp_path {root}/p; fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;"
            f" server {{ listen 127.0.0.1:{port}; root {root}; gzip_static on; }} }}\n")
        process = Process(["nginx", "-p", root, "-c", root / "nginx.conf", "-e", root / "error.log"])
        process.port = port
        wait_for("nginx", lambda: get(port, "/metrics.txt", ACCEPT_GZIP)[0] == 200, 20)
        def cpu_all():
            total = 0.0
            for stat in Path("/proc").glob("[0-9]*/stat"):
                try:
                    fields = stat.read_text().rsplit(")", 1)[1].split()
                except OSError:
                    continue
                if int(stat.parent.name) == process.child.pid or int(fields[1]) == process.child.pid:
                    total += (int(fields[11]) + int(fields[12])) / TICK
            return total
        process.cpu_all = cpu_all
        return process

    def first_poll(self, url, largest="256MiB"):
        return self.first_poll_of(self.azure(url, largest=largest))

    def first_poll_of(self, target):
        """CPU and peak memory of a daemon's start, its one poll, and what is joined after it; and the series."""
        with self.serve(target) as daemon:
            series = self.ready(daemon)
            cpu, peak, idle = daemon.cpu(), daemon.memory("VmHWM"), daemon.memory()
            reader = Reader(daemon.port)
            blocks = reader.time("/metrics")[1] + reader.time("/metrics", "Accept-Encoding: gzip\r\n")[1]
            return cpu, peak, series, idle, blocks

    def python(self, url, which):
        port = free_port()
        command = [sys.executable, HERE / "python_exporter.py", url, "simulated-personal-access-token", which, port]
        with Process(command, stdout=subprocess.PIPE) as exporter:
            exporter.child.stdout.readline()
            cpu = exporter.cpu()
            _, body = get(port, "/metrics", ACCEPT_GZIP, timeout=1200)
            series = sum(1 for line in zlib.decompress(body, 31).splitlines() if line.startswith(b"azure"))
            return exporter.cpu() - cpu, exporter.memory("VmHWM"), series

    def poll(self):
        """100,000 agents beside the exporter in Python, and a poll that changes nothing beside one that does."""
        runs = range(self.options.runs)
        with self.simulate(250_000) as simulation:
            ours = [self.first_poll(simulation.azure) for _ in runs]
            cpu, peak, series = (median([run[i] for run in ours]) for i in range(3))
            self.small = (cpu, median([run[3] for run in ours]))
            state = median([run[3] - run[4] for run in ours]) - self.base()
            self.table.row("state of each of 100,000 agents: idle memory without the blocks, and without that of one small target",
                           f"{state / 1e5:.0f} B", "150 B", state / 1e5 / 150, 1)
            every = [self.python(simulation.azure, "all") for _ in runs]
            one = [self.python(simulation.azure, "one") for _ in runs]
            cpu_all, peak_all, series_all = (median([run[i] for run in every]) for i in range(3))
            cpu_one = median([run[0] for run in one])
            each = lambda value, count: f"{value / count * 1e6:.2f} µs"
            self.table.row(f"whole poll of 100,000 agents, CPU per series ({int(series):,} and {int(series_all):,})",
                           f"{each(cpu, series)} ({cpu:.2f} s)", f"Python {each(cpu_all, series_all)} ({cpu_all:.1f} s)",
                           cpu / series / (cpu_all / series_all), 1 / 20)
            self.table.row("the same, peak memory per series", f"{peak / series:.0f} B ({mb(peak)})",
                           f"Python {peak_all / series_all:.0f} B ({mb(peak_all)})",
                           peak / series / (peak_all / series_all), 1 / 4)
            self.table.row("the same, CPU in total, Python exporting one series per agent", f"{cpu:.2f} s",
                           f"{cpu_one:.2f} s", cpu / cpu_one, 1)
            unchanged = self.repolls(self.azure(simulation.azure, "12s"))
        with self.simulate(250_000, frozen=False) as simulation:
            changed = self.repolls(self.azure(simulation.azure, "12s"))
        self.table.row("unchanged poll beside one of a living fleet, CPU", f"{unchanged:.2f} s", f"{changed:.2f} s",
                       unchanged / changed, 1 / 3)
        self.table.row("unchanged poll beside the first one, CPU", f"{unchanged:.2f} s", f"{cpu:.2f} s",
                       unchanged / cpu, 1 / 3)

    def repolls(self, target):
        """CPU of a poll of a target that is polled every 12 s."""
        with self.serve(target) as daemon:
            self.ready(daemon)
            costs = []
            last = lambda: json.loads(get(daemon.port, "/api/v1/targets")[1])["targets"][0]["last_poll"]
            for _ in range(self.options.runs + 1):
                before = last()
                wait_for("the next poll", lambda: time.sleep(0.5) or last() != before)
                time.sleep(2.5)
                costs.append(daemon.cpu())
            # Each span has one poll, one joining, and the questions whether it is over, which both fleets have alike.
            spans = [after - before for before, after in zip(costs, costs[1:])]
            return median(spans)

    def console(self):
        """A Resilio console with 10,000 agents and 5,000 runs, details of the active ones included."""
        fleet = ["--resilio-clients", 10_000]
        with self.simulate(200, more=fleet) as simulation:
            runs = [self.first_poll_of(self.console_target(simulation.console)) for _ in range(self.options.runs)]
            cpu, peak, series = (median([run[i] for run in runs]) for i in range(3))
            state = median([run[3] - run[4] for run in runs]) - self.base()
            with self.serve(self.console_target(simulation.console)) as daemon:
                self.ready(daemon)
                text = get(daemon.port, "/metrics?target=mc")[1].decode()
                took = float(re.search(r"\nrollcall_target_poll_duration_seconds\{[^}]*\} (\S+)", text)[1])
                agents = int(re.search(r"\nrollcall_target_agents\{[^}]*\} (\d+)", text)[1])
            unchanged = self.repolls(self.console_target(simulation.console, "12s"))
        with self.simulate(200, frozen=False, more=fleet) as simulation:
            changed = self.repolls(self.console_target(simulation.console, "12s"))
        text = f"Resilio console, {agents:,} agents and 5,000 runs ({int(series):,} series)"
        self.table.row(f"{text}: a whole poll beside its timeout, the simulated console on the same cores", f"{took:.2f} s",
                       "20 s", took / 20, 1)
        self.table.row("the same: CPU of a start and a poll; peak memory", f"{cpu:.2f} s; {mb(peak)}", "")
        self.table.row("the same: state of each agent, as above", f"{state / agents:.0f} B", "150 B", state / agents / 150, 1)
        self.table.row("the same: unchanged poll beside one of a living fleet, CPU", f"{unchanged:.2f} s", f"{changed:.2f} s",
                       unchanged / changed, 1 / 3)

    def site(self):
        """A Citrix site with 100,000 machines, which come in 100 pages."""
        with self.simulate(500_000) as simulation:
            runs = [self.first_poll_of(self.site_target(simulation.site)) for _ in range(self.options.runs)]
            cpu, peak, series = (median([run[i] for run in runs]) for i in range(3))
            state = median([run[3] - run[4] for run in runs]) - self.base()
            with self.serve(self.site_target(simulation.site)) as daemon:
                self.ready(daemon)
                text = get(daemon.port, "/metrics?target=site")[1].decode()
                took = float(re.search(r"\nrollcall_target_poll_duration_seconds\{[^}]*\} (\S+)", text)[1])
                machines = int(re.search(r"\nrollcall_target_agents\{[^}]*\} (\d+)", text)[1])
            unchanged = self.repolls(self.site_target(simulation.site, "30s"))
        with self.simulate(500_000, frozen=False) as simulation:
            changed = self.repolls(self.site_target(simulation.site, "30s"))
        text = f"Citrix site, {machines:,} machines in 100 pages ({int(series):,} series)"
        self.table.row(f"{text}: a whole poll beside its timeout, the simulated site on the same cores", f"{took:.2f} s",
                       "60 s", took / 60, 1)
        self.table.row("the same: CPU of a start and a poll; peak memory", f"{cpu:.2f} s; {mb(peak)}", "")
        self.table.row("the same: state of each machine, as above", f"{state / machines:.0f} B", "150 B", state / machines / 150, 1)
        self.table.row("the same: unchanged poll beside one of a living fleet, CPU", f"{unchanged:.2f} s", f"{changed:.2f} s",
                       unchanged / changed, 1 / 3)

    def large(self):
        """A million agents beside a hundred thousand."""
        with self.simulate(2_500_000) as simulation:
            cpu, _, series, rss, _ = self.first_poll(simulation.azure, "2GiB")
        self.table.row(f"1,000,000 agents ({int(series):,} series), CPU per agent beside 100,000", f"{cpu:.2f} s",
                       f"{self.small[0]:.2f} s", cpu / self.small[0] / 10, 1.5)
        self.table.row("the same, idle memory per agent", mb(rss), mb(self.small[1]), rss / self.small[1] / 10, 1.5)

    def base(self):
        """Memory with one small target, in bytes."""
        if self.empty is None:
            with self.simulate(200) as simulation:
                target = f"  - name: filer\n    vendor: resilio\n    url: {simulation.resilio}\n    interval: 5s\n"
                runs = []
                for _ in range(self.options.runs):
                    with self.serve(target) as daemon:
                        self.ready(daemon)
                        get(daemon.port, "/metrics", ACCEPT_GZIP)
                        runs.append(daemon.memory())
            self.empty = median(runs)
        return self.empty

    def idle(self):
        self.table.row("memory with one small target", mb(self.base()), "20 MB", self.base() / 20e6, 1)

    def many(self):
        """Ten thousand small targets beside one with as many series."""
        with self.simulate(200) as small:
            targets = "".join(f"  - name: t{n}\n    vendor: resilio\n    url: {small.resilio}\n" for n in range(10_000))
            many = self.served(targets, "many", "interval: 5m\n  stale_after: 1h")
        # An agent of Azure DevOps has 17 series, and there are two in five of them.
        with self.simulate(int(many[0] / 17 * 2.5)) as large:
            one = self.served(self.azure(large.azure), "one", "interval: 1h")
        text = f"10,000 targets ({many[0]:,} series) beside one ({one[0]:,})"
        for index, what, shown in [(1, "plain", ms), (2, "gzip", ms), (3, "CPU of a gzip scrape", ms), (4, "memory", mb)]:
            per = many[index] / many[0] / (one[index] / one[0]) if one[index] else None
            self.table.row(f"{text}: {what}, per series", shown(many[index]), shown(one[index]), per)

    def served(self, targets, name, defaults):
        with self.serve(targets, name, defaults) as daemon:
            series = self.ready(daemon)
            time.sleep(10)
            reader = Reader(daemon.port)
            plain = median([reader.time("/metrics")[0] for _ in range(4 * self.options.runs)])
            before, turns = daemon.cpu(), 4 * self.options.runs
            packed = median([reader.time("/metrics", "Accept-Encoding: gzip\r\n")[0] for _ in range(turns)])
            return series, plain, packed, (daemon.cpu() - before) / turns, daemon.memory()

    def render(self):
        """From the benchmarks: lines written into a buffer beside the collectors of the `prometheus` crate."""
        subprocess.run(["cargo", "bench", "--locked", "--quiet", "--bench", "exposition", "--", "render"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        target = Path(os.environ.get("CARGO_TARGET_DIR", "target"))
        def seconds(name):
            path = target / "criterion" / "render" / name / "new" / "estimates.json"
            return json.loads(path.read_text())["median"]["point_estimate"] / 1e9
        ours, crate = seconds("lines"), seconds("prometheus_crate")
        self.table.row("rendering, series a second of one core", f"{1e5 / ours / 1e6:.1f} million",
                       "8 million", 1e5 / ours / 8e6, 1, lower=False)
        self.table.row("the same beside the `prometheus` crate, 100,000 series", ms(ours), ms(crate), crate / ours, 10,
                       lower=False)

    def decode(self):
        """From the benchmarks: what one core decodes in a second."""
        subprocess.run(["cargo", "bench", "--locked", "--quiet", "--bench", "ingest", "--", "decode"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        folder = Path(os.environ.get("CARGO_TARGET_DIR", "target")) / "criterion" / "decode"
        rows = [("azure_devops", "Azure DevOps agents in JSON", 500_000),
                ("azure_devops_last_job", "the same with the job that each ran last, which is what a poll asks for", 500_000),
                ("citrix_storefront", "Citrix machines in XML", 300_000)]
        for name, what, goal in rows:
            seconds = json.loads((folder / name / "new" / "estimates.json").read_text())["median"]["point_estimate"] / 1e9
            items = json.loads((folder / name / "new" / "benchmark.json").read_text())["throughput"]["Elements"]
            self.table.row(f"decoding, a second of one core: {what}", f"{items / seconds:,.0f}", f"{goal:,}",
                           items / seconds / goal, 1, lower=False)

    def prometheus(self):
        if not shutil.which("prometheus"):
            self.table.row("Prometheus' own scrape", "", "prometheus is missing")
            return
        with self.simulate(145_000) as simulation, self.serve(self.azure(simulation.azure)) as daemon:
            self.ready(daemon)
            own = median([Reader(daemon.port).time("/metrics", "Accept-Encoding: gzip\r\n")[0] for _ in range(9)])
            config, port = self.folder / "prometheus.yml", free_port()
            config.write_text("global: { scrape_interval: 15s, scrape_timeout: 14s }\nscrape_configs:\n  - job_name: r\n"
                              f"    static_configs: [ {{ targets: ['127.0.0.1:{daemon.port}'] }} ]\n")
            with Process(["prometheus", f"--config.file={config}", f"--storage.tsdb.path={self.folder}/tsdb",
                          f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]):
                path = "/api/v1/query?query=scrape_duration_seconds%5B10m%5D"
                def values():
                    result = json.loads(get(port, path)[1])["data"]["result"]
                    found = [float(value) for _, value in result[0]["values"]] if result else []
                    return found if len(found) > self.options.runs else None
                durations = wait_for("Prometheus' scrapes", lambda: time.sleep(1) or values())[1:]
        self.table.row("a million series: our part of Prometheus' own scrape", ms(own), ms(median(durations)),
                       own / median(durations))

    def fairness(self):
        """The p99 of scrapes, the punctuality of polls and the memory, under loads that must not be felt."""
        import fairness  # pylint: disable=import-outside-toplevel
        fairness.measure(self, Reader, free_port, percentile)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rollcall", required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--large", action="store_true")
    names = ["scrape", "render", "decode", "poll", "console", "site", "idle", "many", "fairness", "prometheus"]
    parser.add_argument("--only", action="append", choices=names, default=[])
    options = parser.parse_args()
    options.rollcall = os.path.abspath(options.rollcall)
    os.environ["NO_PROXY"] = "*"
    with tempfile.TemporaryDirectory(prefix="rollcall-scale-") as folder:
        bench = Bench(options, Path(folder))
        try:
            for name in options.only or names:
                say(f"==> {name}")
                getattr(bench, name)()
                if name == "poll" and options.large:
                    say("==> large")
                    bench.large()
        finally:
            cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
            print(f"\n`tests/scale/run`, {time.strftime('%Y-%m-%d')}: {os.cpu_count()} cores "
                  f"({cpu[1] if cpu else platform.machine()}), Linux {platform.release()}; "
                  f"median of {options.runs} runs or more; load average {os.getloadavg()[1]:.1f}.\n")
            bench.table.print()


if __name__ == "__main__":
    main()
