{{- define "rollcall.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- /* Cut at 52: a StatefulSet puts the number of the pod and a hash behind it, in labels of 63. */ -}}
{{- define "rollcall.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "rollcall.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "rollcall.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "rollcall.selectorLabels" -}}
app.kubernetes.io/name: {{ include "rollcall.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "rollcall.labels" -}}
{{ include "rollcall.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "rollcall.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "rollcall.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- /* Nodes look up a name without a registry on a public hub, where it is whoever's. */ -}}
{{- define "rollcall.image" -}}
{{- $image := .Values.image -}}
{{- if not $image.repository -}}
{{- fail "image.repository is required: registry and name under which you pushed the image of deploy/docker, such as registry.example.com/rollcall" -}}
{{- end -}}
{{- $registry := splitList "/" $image.repository | first -}}
{{- $named := and (contains "/" $image.repository) (or (regexMatch "[.:]" $registry) (eq $registry "localhost")) -}}
{{- if not (or $named (eq $image.pullPolicy "Never")) -}}
{{- fail (printf "image.repository: %q names no registry, so nodes would look it up on a public hub; say registry.example.com/rollcall, or image.pullPolicy Never for an image that was loaded onto the nodes" $image.repository) -}}
{{- end -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default .Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}

{{- /* A security context, without the users and groups that an OpenShift cluster assigns by itself. */ -}}
{{- define "rollcall.adapted" -}}
{{- $adapt := dig "compatibility" "openshift" "adaptSecurityContext" "auto" (.root.Values.global | default dict) -}}
{{- $openshift := .root.Capabilities.APIVersions.Has "security.openshift.io/v1" -}}
{{- if or (eq $adapt "force") (and (eq $adapt "auto") $openshift) -}}
{{- omit .context "runAsUser" "runAsGroup" "fsGroup" | toYaml -}}
{{- else -}}
{{- toYaml .context -}}
{{- end -}}
{{- end -}}

{{- define "rollcall.config" -}}
{{- if not .Values.config.targets -}}
{{- if not .Values.config.target_files -}}
{{- fail "config.targets is empty: give your targets, or existingConfigMap" -}}
{{- end -}}
{{- end -}}
{{- toYaml .Values.config -}}
{{- end -}}

{{- /* The URL under which people reach the pages; empty where nobody said so. */ -}}
{{- define "rollcall.externalUrl" -}}
{{- if .Values.web.externalUrl -}}
{{- .Values.web.externalUrl | trimSuffix "/" -}}
{{- else if and .Values.ingress.enabled .Values.ingress.hosts -}}
{{- $first := first .Values.ingress.hosts -}}
{{- $path := (first $first.paths).path | trimSuffix "/" -}}
{{- if and $first.host (regexMatch "^[A-Za-z0-9._~/-]*$" $path) -}}
{{- printf "%s://%s%s" (ternary "https" "http" (not (empty .Values.ingress.tls))) $first.host $path -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* Where /metrics is: the path of that URL is the prefix of all pages. */ -}}
{{- define "rollcall.metricsPath" -}}
{{- $url := include "rollcall.externalUrl" . -}}
{{- printf "%s/metrics" (ternary "" (get (urlParse $url) "path") (empty $url)) -}}
{{- end -}}

{{- /* Names by which browsers come besides that of the URL, with commas; the daemon refuses them others. */ -}}
{{- define "rollcall.allowedHosts" -}}
{{- $names := list -}}
{{- if .Values.ingress.enabled -}}
{{- range .Values.ingress.hosts -}}{{- $names = append $names .host -}}{{- end -}}
{{- end -}}
{{- if .Values.httpRoute.enabled -}}
{{- $names = concat $names .Values.httpRoute.hostnames -}}
{{- end -}}
{{- $url := include "rollcall.externalUrl" . -}}
{{- $own := ternary "" (get (urlParse $url) "hostname") (empty $url) -}}
{{- $known := list -}}
{{- range $names | uniq -}}
{{- if and . (ne . $own) (not (hasPrefix "*" .)) -}}{{- $known = append $known . -}}{{- end -}}
{{- end -}}
{{- join "," $known -}}
{{- end -}}

{{- /* Each shard has the pages of its own targets, so that a balanced address would show one or another. */ -}}
{{- define "rollcall.onePod" -}}
{{- if gt (int .root.Values.shards) 1 -}}
{{- fail (printf "%s.enabled needs shards 1: each shard has the pages of its own targets, so one address cannot show them all" .name) -}}
{{- end -}}
{{- end -}}

{{- /* A probe: the values' timings, and the chart's handler where they have none. */ -}}
{{- define "rollcall.probe" -}}
{{- $own := or .probe.exec .probe.httpGet .probe.tcpSocket .probe.grpc -}}
{{- if not $own }}
{{- if .root.Values.web.secrets }}
# It knows TLS, and takes a wish for a password or a certificate as a sign of life.
exec:
  command: {{ .command | toJson }}
{{- else }}
httpGet:
  path: {{ .path }}
  port: metrics
{{- end }}
{{- end }}
{{ toYaml .probe }}
{{- end -}}

{{- /* What a ServiceMonitor and a PodMonitor say about a scrape. */ -}}
{{- define "rollcall.endpoint" -}}
path: {{ include "rollcall.metricsPath" .root }}
interval: {{ .monitor.interval }}
scrapeTimeout: {{ .monitor.scrapeTimeout }}
scheme: {{ .monitor.scheme }}
{{- with .monitor.tlsConfig }}
tlsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .monitor.basicAuth }}
basicAuth:
  {{- toYaml . | nindent 2 }}
{{- end }}
# `target` and `vendor` are those of Rollcall, whatever relabelling adds.
honorLabels: true
relabelings:
  # The alerts find the daemons by this name, whatever the release is called.
  - action: replace
    targetLabel: job
    replacement: {{ .monitor.job }}
  {{- with .monitor.relabelings }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .monitor.metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* Metadata of what another program looks for: name, namespace, labels and annotations of its part of the values. */ -}}
{{- define "rollcall.metadata" -}}
name: {{ .name }}
namespace: {{ .values.namespace | default .root.Release.Namespace }}
labels:
  {{- include "rollcall.labels" .root | nindent 2 }}
  {{- with .values.labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .values.annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
