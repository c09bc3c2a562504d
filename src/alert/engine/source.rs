//! Where samples come from: the newest snapshot of a target, read as Prometheus would read its exposition.

use std::borrow::Cow;

use bytes::Bytes;

use super::sample::LabelSet;
use crate::{
    catalogue::{Family, agent},
    health::Health,
    snapshot::Snapshot,
};

/// Calls for one sample: labels by name, not in order, and the value.
pub type Visit<'v> = dyn FnMut(&[(&'static str, &str)], f64) + 'v;

/// The present samples of one target.
pub trait Source {
    /// The label `vendor`.
    fn vendor(&self) -> &str;

    /// The label `target`.
    fn target(&self) -> &str;

    /// Calls `visit` with every sample of a family.
    fn visit(&self, family: &'static Family, visit: &mut Visit<'_>);

    /// The same stamp means the same samples of the family; `None`: they may have changed.
    fn revision(&self, family: &'static Family) -> Option<Revision>;
}

/// Tells whether samples are still the same: the lines that they stand in.
#[derive(Debug, Clone)]
pub struct Revision(Vec<Bytes>);

impl PartialEq for Revision {
    /// Lines are shared between snapshots where nothing changed, so the place in memory tells; it is not freed meanwhile.
    fn eq(&self, other: &Revision) -> bool {
        let is_same = |(one, other): (&Bytes, &Bytes)| one.len() == other.len() && one.as_ptr() == other.as_ptr();
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(is_same)
    }
}

impl Source for Snapshot {
    fn vendor(&self) -> &str {
        self.target.vendor()
    }

    fn target(&self) -> &str {
        crate::exposition::text::cut(&self.target.name).0
    }

    fn visit(&self, family: &'static Family, visit: &mut Visit<'_>) {
        // Those with a line per agent are at hand without reading text.
        if std::ptr::eq(family, &agent::AGENT_HEALTH) {
            return visit_health(self, visit);
        }
        if std::ptr::eq(family, &agent::AGENT_HEALTH_SINCE) {
            return visit_since(self, visit);
        }
        for block in family.key().into_iter().flat_map(|key| self.blocks_of(key)) {
            lines(family, block.plain(), visit);
        }
    }

    fn revision(&self, family: &'static Family) -> Option<Revision> {
        let blocks = family.key().into_iter().flat_map(|key| self.blocks_of(key));
        Some(Revision(blocks.map(|block| block.plain().clone()).collect()))
    }
}

/// The one sample of a family of the target itself.
pub fn single(source: &dyn Source, family: &'static Family) -> Option<f64> {
    let mut found = None;
    source.visit(family, &mut |_, value| found = Some(value));
    found
}

/// The labels of every sample of a family, cut down to some of them.
pub fn subjects(source: &dyn Source, family: &'static Family, names: &[&str]) -> std::collections::HashSet<LabelSet> {
    let mut found = std::collections::HashSet::new();
    source.visit(family, &mut |labels, _| {
        found.insert(LabelSet::of(labels.iter().copied().filter(|(name, _)| names.contains(name))));
    });
    found
}

fn visit_health(snapshot: &Snapshot, visit: &mut Visit<'_>) {
    let (vendor, target) = (snapshot.vendor(), snapshot.target());
    for agent in snapshot.agents.iter() {
        let mut labels =
            [("vendor", vendor), ("target", target), ("pool", agent.pool), ("agent", agent.name), ("health", "")];
        for class in Health::ALL {
            labels[4].1 = class.as_str();
            visit(&labels, f64::from(u8::from(class == agent.health)));
        }
    }
}

fn visit_since(snapshot: &Snapshot, visit: &mut Visit<'_>) {
    let (vendor, target) = (snapshot.vendor(), snapshot.target());
    for agent in snapshot.agents.iter() {
        let labels = [("vendor", vendor), ("target", target), ("pool", agent.pool), ("agent", agent.name)];
        visit(&labels, agent.since.as_secs_f64());
    }
}

/// Reads sample lines of one family: `name{label="value",…} number`. Labels that the family does not declare (those that a
/// configuration gives to a target) are left out.
pub fn lines(family: &'static Family, text: &[u8], visit: &mut Visit<'_>) {
    for line in text.split(|byte| *byte == b'\n') {
        if let Ok(line) = std::str::from_utf8(line) {
            let _ = one_line(family, line, visit);
        }
    }
}

fn one_line(family: &'static Family, line: &str, visit: &mut Visit<'_>) -> Option<()> {
    let mut rest = line.strip_prefix(family.name)?;
    let mut values: [(&'static str, Cow<'_, str>); 12] = std::array::from_fn(|_| ("", Cow::Borrowed("")));
    let mut n = 0;
    if let Some(labels) = rest.strip_prefix('{') {
        rest = labels;
        while !rest.starts_with('}') {
            let (name, after) = rest.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            if let Some(name) = family.all_labels().find(|known| *known == name) {
                *values.get_mut(n)? = (name, value);
                n += 1;
            }
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = &rest[1..];
    }
    let value = match rest.trim() {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        number => number.parse().ok()?,
    };
    let mut labels: [(&'static str, &str); 12] = [("", ""); 12];
    for (label, (name, value)) in labels.iter_mut().zip(&values[..n]) {
        *label = (name, value);
    }
    visit(&labels[..n], value);
    Some(())
}

/// A label value up to its closing quote, and what follows.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let end = text.find(['"', '\\'])?;
    if text.as_bytes()[end] == b'"' {
        return Some((Cow::Borrowed(&text[..end]), &text[end + 1..]));
    }
    let (mut value, mut chars) = (String::new(), text.char_indices());
    while let Some((index, char)) = chars.next() {
        match char {
            '"' => return Some((Cow::Owned(value), &text[index + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        api::{Agent, Id, Observation, Part, Warnings},
        catalogue::{resilio, target},
        clock::UnixTime,
        config::Config,
        snapshot::Ledger,
    };

    fn read(family: &'static Family, text: &str) -> Vec<(Vec<(&'static str, String)>, f64)> {
        let mut all = Vec::new();
        lines(family, text.as_bytes(), &mut |labels, value| {
            all.push((labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(), value));
        });
        all
    }

    #[test]
    fn lines_are_read_as_they_are_written() {
        let labels = r#"vendor="resilio",target="t",pool="client",agent="a \"b\" \\ c\nd, e}",job_name="",job_id="1""#;
        let all = read(&resilio::JOB_ERRORS, &format!("resilio_job_errors{{{labels}}} 2.5\n"));
        let expected = [
            ("vendor", "resilio"),
            ("target", "t"),
            ("pool", "client"),
            ("agent", "a \"b\" \\ c\nd, e}"),
            ("job_name", ""),
            ("job_id", "1"),
        ];
        assert_eq!(all, [(expected.map(|(name, value)| (name, value.to_owned())).to_vec(), 2.5)]);
    }

    #[test]
    fn what_is_at_hand_is_what_the_lines_say() {
        let yaml = "targets: [{name: 'a \"b\"', vendor: resilio, url: 'http://127.0.0.1:1'}]";
        let config = Config::parse(yaml, "rollcall.yml", std::path::Path::new(".")).expect("it is valid");
        let mut part = Part::new(resilio::FAMILIES);
        let pool = part.pool("p\\1", false);
        for (id, health) in Health::ALL.into_iter().enumerate() {
            let (name, id) = (format!("agent\n{id}").into(), Id::Number(id as i64));
            part.agent(Agent { pool, name, id, health: Some(health), state: "s".into() });
        }
        let mut ledger = Ledger::new(Arc::clone(&config.targets[0]), false);
        let now = UnixTime(1_763_771_283_123);
        ledger.apply(Observation::single(part), now, &Warnings::default()).expect("it is small");
        let snapshot = ledger.publish(now).snapshot;
        for family in [&agent::AGENT_HEALTH, &agent::AGENT_HEALTH_SINCE] {
            let key = family.key().expect("it has a target");
            let text = snapshot.blocks_of(key).next().expect("there are agents").plain().clone();
            let mut at_hand = Vec::new();
            snapshot.visit(family, &mut |labels, value| {
                at_hand.push((labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(), value));
            });
            assert_eq!(at_hand, read(family, std::str::from_utf8(&text).expect("it is text")));
            assert!(!at_hand.is_empty());
        }
        // The same lines have the same stamp in the next snapshot.
        let next = ledger.publish(now).snapshot;
        assert_eq!(snapshot.revision(&agent::AGENT_HEALTH), next.revision(&agent::AGENT_HEALTH));
        assert_ne!(snapshot.revision(&agent::AGENT_HEALTH), next.revision(&agent::AGENT_HEALTH_SINCE));
    }

    #[test]
    fn labels_from_a_configuration_are_left_out() {
        let text = "rollcall_target_info{vendor=\"v\",target=\"t\",url=\"u\",site=\"zrh\"} 1\n";
        assert_eq!(read(&target::INFO, text)[0].0.len(), 3);
    }

    #[test]
    fn numbers_that_are_none_are_read_too() {
        let text = "rollcall_target_up{target=\"a\"} NaN\nrollcall_target_up{target=\"b\"} -Inf\n";
        let all = read(&target::UP, text);
        assert!(all[0].1.is_nan() && all[1].1 == f64::NEG_INFINITY, "{all:?}");
    }
}
