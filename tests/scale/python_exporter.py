"""An exporter of Azure DevOps agents as one writes it in Python: requests, json, and a collector of prometheus_client.

python_exporter.py URL PAT all|one PORT -- `all` exports what Rollcall exports of an agent, `one` only whether it is online.
"""

import base64
import datetime
import json
import sys
import threading
import urllib.request

from prometheus_client import start_http_server
from prometheus_client.core import REGISTRY, GaugeMetricFamily

HEALTH = ("healthy", "transitional", "disabled", "degraded", "failed", "unknown")


def timestamp(text):
    text = text.rstrip("Z").split(".")[0]
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc).timestamp()


class Collector:
    def __init__(self, url, pat, every_series):
        self.url, self.every_series = url, every_series
        self.auth = "Basic " + base64.b64encode(f":{pat}".encode()).decode()
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def get(self, path):
        request = urllib.request.Request(self.url + path, headers={"Authorization": self.auth})
        with self.opener.open(request, timeout=300) as response:
            return json.load(response)["value"]

    def collect(self):
        names = ["pool", "agent"]
        prefix = "azure_devops_agent_"
        family = lambda name, labels=(): GaugeMetricFamily(prefix + name, name, labels=names + list(labels))
        online = family("online")
        health, since = family("health", ["health"]), family("health_since_timestamp_seconds")
        enabled, busy, update = family("enabled"), family("busy"), family("update_pending")
        info = family("info", ["agent_id", "version", "os", "provisioning_state"])
        parallel, created = family("max_parallelism"), family("created_timestamp_seconds")
        changed = family("status_changed_timestamp_seconds")
        assigned, locked = family("job_assigned_timestamp_seconds"), family("job_locked_until_timestamp_seconds")
        finished, result = family("last_job_finished_timestamp_seconds"), family("last_job_result", ["result"])
        for pool in self.get("/_apis/distributedtask/pools?api-version=7.1"):
            if pool.get("isHosted"):
                continue
            path = f"/_apis/distributedtask/pools/{pool['id']}/agents?api-version=7.1"
            if self.every_series:
                path += "&includeAssignedRequest=true&includeLastCompletedRequest=true"
            for agent in self.get(path):
                labels = [pool["name"], agent["name"]]
                is_online = agent.get("status") == "online"
                online.add_metric(labels, is_online)
                if not self.every_series:
                    continue
                is_enabled = agent.get("enabled", True)
                if not is_enabled:
                    present = "disabled"
                else:
                    present = "healthy" if is_online else "failed"
                for name in HEALTH:
                    health.add_metric(labels + [name], name == present)
                since.add_metric(labels, timestamp(agent.get("statusChangedOn") or agent["createdOn"]))
                job = agent.get("assignedRequest")
                enabled.add_metric(labels, is_enabled)
                busy.add_metric(labels, bool(job))
                update.add_metric(labels, bool(agent.get("pendingUpdate")))
                details = [agent.get(key) or "" for key in ("version", "osDescription", "provisioningState")]
                info.add_metric(labels + [str(agent["id"])] + details, 1)
                parallel.add_metric(labels, agent.get("maxParallelism") or 1)
                created.add_metric(labels, timestamp(agent["createdOn"]))
                if agent.get("statusChangedOn"):
                    changed.add_metric(labels, timestamp(agent["statusChangedOn"]))
                if job and job.get("assignTime"):
                    assigned.add_metric(labels, timestamp(job["assignTime"]))
                if job and job.get("lockedUntil"):
                    locked.add_metric(labels, timestamp(job["lockedUntil"]))
                last = agent.get("lastCompletedRequest")
                if last and last.get("finishTime"):
                    finished.add_metric(labels, timestamp(last["finishTime"]))
                    result.add_metric(labels + [last.get("result") or "other"], 1)
        yield online
        if self.every_series:
            yield from (health, since, enabled, busy, update, info, parallel, created, changed)
            yield from (assigned, locked, finished, result)


if __name__ == "__main__":
    _, base, token, which, port = sys.argv
    collector = Collector(base, token, which == "all")
    # Without a first collection at the registration, which would ask the API once more.
    collector.describe = lambda: []
    REGISTRY.register(collector)
    start_http_server(int(port), addr="127.0.0.1")
    print("ready", flush=True)
    threading.Event().wait()
