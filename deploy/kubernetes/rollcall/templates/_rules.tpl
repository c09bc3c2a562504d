{{- /* What the shipped rules are under config.alerting. The files of rules/ have marks where an override changes an expression
(tests/rules/chart.rs tells which). What a template gives back is text, so numbers and maps come as JSON. */ -}}

{{- /* A duration of the configuration, `1h 30m`, in milliseconds. */ -}}
{{- define "rollcall.milliseconds" -}}
{{- $units := dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 "d" 86400000 "w" 604800000 -}}
{{- $text := toString . | trim -}}
{{- if not (regexMatch "^([0-9]+ *(ms|s|m|h|d|w) *)+$" $text) -}}
{{- fail (printf "config.alerting: %q is not a duration as the chart knows it: say 90s, 15m or 1h30m" $text) -}}
{{- end -}}
{{- $sum := 0 -}}
{{- range regexFindAll "[0-9]+ *(ms|s|m|h|d|w)" $text -1 -}}
{{- $unit := regexFind "[a-z]+" . -}}
{{- $sum = add $sum (mul (regexFind "[0-9]+" . | int64) (get $units $unit)) -}}
{{- end -}}
{{- $sum -}}
{{- end -}}

{{- /* Milliseconds as Prometheus writes them: 1h30m. */ -}}
{{- define "rollcall.duration" -}}
{{- $rest := int64 . -}}
{{- $out := "" -}}
{{- range list (list "d" 86400000) (list "h" 3600000) (list "m" 60000) (list "s" 1000) (list "ms" 1) -}}
{{- $size := index . 1 | int64 -}}
{{- if ge $rest $size -}}
{{- $out = printf "%s%d%s" $out (div $rest $size) (index . 0) -}}
{{- $rest = mod $rest $size -}}
{{- end -}}
{{- end -}}
{{- $out | default "0s" -}}
{{- end -}}

{{- /* A number as PromQL reads it: 1209600, not 1.2096e+06. */ -}}
{{- define "rollcall.number" -}}
{{- $number := float64 . -}}
{{- if eq $number (floor $number) -}}{{- int64 $number -}}{{- else -}}{{- $number -}}{{- end -}}
{{- end -}}

{{- /* The override of an alert and severity, or {}: the first that names them counts. */ -}}
{{- define "rollcall.override" -}}
{{- $found := dict -}}
{{- range .overrides -}}
{{- if and (not $found) (eq .alert $.alert) (eq (.severity | default $.severity) $.severity) -}}{{- $found = . -}}{{- end -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{- /* An expression with its marks replaced. */ -}}
{{- define "rollcall.expr" -}}
{{- $expr := .expr -}}
{{- range $name, $kept := dict "long" .long "higher" .higher.enabled -}}
{{- $expr = regexReplaceAll (printf `(?s)\$\[if %s\](.*?)\$\[end\]` $name) $expr (ternary "${1}" "" $kept) -}}
{{- end -}}
{{- range $mark, $value := .marks -}}
{{- $expr = replace (printf "$[%s]" $mark) $value $expr -}}
{{- end -}}
{{- if contains "$[" $expr -}}{{- fail (printf "a mark is left in the rules: %s" $expr) -}}{{- end -}}
{{- $expr -}}
{{- end -}}

{{- /* The rules of one file, as a list. */ -}}
{{- define "rollcall.rules" -}}
{{- $root := .root -}}
{{- $alerting := $root.Values.config.alerting | default dict -}}
{{- $overrides := $alerting.overrides | default list -}}
{{- $hold := include "rollcall.milliseconds" ($alerting.max_hold | default "24h") | int64 -}}
{{- $grafana := $alerting.dashboard_url | default "" | trimSuffix "/" -}}
{{- $runbooks := $alerting.runbook_url | default "" -}}
{{- if and $runbooks (not (regexMatch "[/#=?]$" $runbooks)) -}}{{- $runbooks = printf "%s/" $runbooks -}}{{- end -}}
{{- $rules := list -}}
{{- range $row := .rules -}}
{{- if .record -}}
{{- $rules = append $rules (dict "record" .record "expr" .expr) -}}
{{- else -}}
{{- $own := include "rollcall.override" (dict "overrides" $overrides "alert" .alert "severity" .severity) | fromJson -}}
{{- if ne (toString (dig "enabled" true $own)) "false" -}}
{{- $threshold := dig "threshold" (dig "threshold" 0 $row) $own -}}
{{- $marks := dict "threshold" (include "rollcall.number" $threshold) -}}
{{- $_ := set $marks "max_hold" (include "rollcall.duration" $hold) -}}
{{- $_ := set $marks "max_hold_seconds" (include "rollcall.number" (divf $hold 1000)) -}}
{{- $higher := dict "enabled" false -}}
{{- with .higher -}}
{{- $its := include "rollcall.override" (dict "overrides" $overrides "alert" $row.alert "severity" .severity) | fromJson -}}
{{- $higher = dict "enabled" (ne (toString (dig "enabled" true $its)) "false") -}}
{{- $limit := dig "threshold" .threshold $its | float64 -}}
{{- $for := divf (include "rollcall.milliseconds" (get $its "for" | default .for) | int64) 1000 -}}
{{- $_ := set $marks "higher.threshold" (include "rollcall.number" $limit) -}}
{{- $_ := set $marks "higher.threshold+for" (include "rollcall.number" (addf $limit $for)) -}}
{{- $_ := set $marks "higher.threshold-for" (include "rollcall.number" (subf $limit $for)) -}}
{{- end -}}
{{- $parts := .parts -}}
{{- if hasKey $own "for" -}}
{{- $parts = list (dict "for" (get $own "for") "expr" (.whole | default (first .parts).expr)) -}}
{{- end -}}
{{- range $parts -}}
{{- $for := include "rollcall.milliseconds" .for | int64 -}}
{{- $expr := include "rollcall.expr" (dict "expr" .expr "long" (ge $for (int64 1800000)) "higher" $higher "marks" $marks) -}}
{{- $annotations := deepCopy $row.annotations -}}
{{- if $runbooks -}}{{- $_ := set $annotations "runbook_url" (printf "%s%s.md" $runbooks $row.alert) -}}{{- end -}}
{{- if $grafana -}}{{- $_ := set $annotations "dashboard_url" (printf "%s%s" $grafana $row.dashboard) -}}{{- end -}}
{{- $labels := merge (dict "severity" $row.severity) (.labels | default dict) -}}
{{- $rule := dict "alert" $row.alert "expr" $expr "labels" $labels "annotations" $annotations -}}
{{- if $for -}}{{- $_ := set $rule "for" (include "rollcall.duration" $for) -}}{{- end -}}
{{- $keep := get $own "keep_firing_for" | default (get $row "keep_firing_for") | default "0s" | include "rollcall.milliseconds" | int64 -}}
{{- if $keep -}}{{- $_ := set $rule "keep_firing_for" (include "rollcall.duration" $keep) -}}{{- end -}}
{{- $rules = append $rules $rule -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $rules -}}
{{- end -}}

{{- /* Rules as they are given to Prometheus: with the site's labels, and the job that the monitor gives. */ -}}
{{- define "rollcall.ours" -}}
{{- $values := .root.Values -}}
{{- $monitor := ternary $values.podMonitor $values.serviceMonitor $values.podMonitor.enabled -}}
{{- range .rules -}}
{{- $_ := set . "expr" (replace "job=\"rollcall\"" (printf "job=%q" $monitor.job) .expr) -}}
{{- if $values.prometheusRule.ruleLabels -}}
{{- $_ := set . "labels" (merge (.labels | default dict) $values.prometheusRule.ruleLabels) -}}
{{- end -}}
{{- end -}}
{{- toYaml .rules -}}
{{- end -}}
