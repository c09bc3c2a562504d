//! Labels that a site wants on every rule, and on the PrometheusRule itself.

use crate::{catalogue, rules::catalogue as alerts};

/// A label: name and value.
pub type Label = (String, String);

/// Reads `NAME=VALUE` as a label of every rule. It must not be one that alerts have by themselves, as that would make one
/// alert of several, and no template, as Prometheus restores no alert whose rule has one.
pub fn rule_label(text: &str) -> Result<Label, String> {
    let (name, value) = split(text)?;
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !name.chars().all(word) || name.starts_with(|c: char| c.is_ascii_digit()) || name.starts_with("__") {
        return Err(format!(
            "{name:?} cannot be the name of a label in Prometheus: letters, digits and _, no __ in front"
        ));
    }
    let own = |label: &str| label == name;
    let of_alerts = alerts::all().iter().flat_map(|alert| alert.labels.names());
    let of_samples = catalogue::all().flat_map(|family| family.all_labels());
    let fixed = ["alertname", "alertstate", "severity", "job", "instance"];
    if of_alerts.copied().chain(of_samples).chain(fixed).any(own) || name.starts_with("part_") {
        return Err(format!("{name} is a label of Rollcall's own alerts or series"));
    }
    match value {
        "" => Err(format!("{name} has no value")),
        value if value.contains("{{") => Err(format!("the value of {name} must not be a template")),
        value => Ok((name.to_owned(), value.to_owned())),
    }
}

/// Reads `NAME=VALUE` as a label of a Kubernetes object.
pub fn metadata_label(text: &str) -> Result<Label, String> {
    let (key, value) = split(text)?;
    let edge = |c: char| c.is_ascii_alphanumeric();
    let word = |text: &str, inner: &str, longest: usize| {
        text.len() <= longest
            && text.starts_with(edge)
            && text.ends_with(edge)
            && text.chars().all(|c| edge(c) || inner.contains(c))
    };
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let lower = |prefix: &str| !prefix.contains(char::is_uppercase) && word(prefix, "-.", 253);
    if !word(name, "-_.", 63) || !prefix.is_none_or(lower) {
        return Err(format!("{key:?} cannot be the name of a label in Kubernetes"));
    }
    if !value.is_empty() && !word(value, "-_.", 63) {
        return Err(format!("{value:?} cannot be the value of a label in Kubernetes: 63 letters, digits, -, _ and ."));
    }
    Ok((key.to_owned(), value.to_owned()))
}

/// Reads matchers of PromQL as they stand between braces: `job="rollcall",site=~"a|b"`.
pub fn matchers(text: &str) -> Result<String, String> {
    const FORM: &str = "it must be matchers of PromQL with quoted values, as in job=\"rollcall\"";
    let mut rest = text.trim();
    loop {
        let name = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_').len();
        let value = rest[name..].trim_start();
        let value = ["=~", "!~", "!=", "="].iter().find_map(|operator| value.strip_prefix(operator));
        let value = value.filter(|_| name > 0 && !rest.starts_with(|c: char| c.is_ascii_digit()));
        let value = value.and_then(|value| value.trim_start().strip_prefix('"')).ok_or(FORM)?;
        let mut escaped = false;
        let end = value.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        rest = value[end.ok_or(FORM)? + 1..].trim_start();
        if rest.is_empty() {
            return Ok(text.trim().to_owned());
        }
        rest = rest.strip_prefix(',').ok_or(FORM)?.trim_start();
    }
}

fn split(text: &str) -> Result<(&str, &str), String> {
    text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| "it must be NAME=VALUE".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matchers_have_names_operators_and_quoted_values() {
        for good in [r#"job="rollcall""#, r#" job=~"a|b" , site!="x\"y", k8s_app !~ """#] {
            assert_eq!(matchers(good), Ok(good.trim().to_owned()));
        }
        for bad in [
            "",
            "rc",
            "job=rc",
            r#"job="rc"#,
            r#"job="rc" x"#,
            r#"job="rc","#,
            r#"="rc""#,
            r#"{job="rc"}"#,
            r#"1a="b""#,
        ] {
            assert!(matchers(bad).is_err_and(|error| error.contains("job=\"rollcall\"")), "{bad}");
        }
    }

    #[test]
    fn labels_of_rules_are_new_and_static() {
        assert_eq!(rule_label("team=desktop=1"), Ok(("team".to_owned(), "desktop=1".to_owned())));
        let wrong = [
            "team",
            "=x",
            "team=",
            "9x=a",
            "a-b=c",
            "__x=a",
            "é=a",
            "severity=page",
            "vendor=x",
            "pool=x",
            "instance=x",
            "alertmanager=x",
            "reason=x",
            "part_2=x",
            "team={{ $labels.pool }}",
        ];
        for text in wrong {
            assert!(rule_label(text).is_err(), "{text}");
        }
    }

    #[test]
    fn labels_of_objects_are_those_of_kubernetes() {
        for text in ["release=kube-prometheus-stack", "example.com/role=alerts", "a=", "app.kubernetes.io/part_of=X"] {
            assert!(metadata_label(text).is_ok(), "{text}");
        }
        for text in ["release", "=x", "-a=x", "a/b/c=x", "Example.com/a=x", "/a=x", "a=b c", "a=-", "a=é"] {
            assert!(metadata_label(text).is_err(), "{text}");
        }
        assert!(metadata_label(&format!("a={}", "x".repeat(64))).is_err());
    }
}
