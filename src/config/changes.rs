//! What a reload changes.

use std::{collections::HashMap, sync::Arc};

use super::{Config, Target};

/// The targets of a new configuration, by what happened to them. Targets are the same when their names are, and unchanged when
/// every setting is; the content of secret files does not count.
#[derive(Debug, Default, PartialEq)]
pub struct Changes {
    /// Not there before.
    pub added: Vec<Arc<Target>>,
    /// There before, with other settings.
    pub changed: Vec<Arc<Target>>,
    /// As before: they keep their session and their data.
    pub kept: Vec<Arc<Target>>,
    /// No longer there, by name.
    pub removed: Vec<String>,
}

impl Config {
    /// What the new configuration changes about the targets of this one.
    pub fn changes(&self, new: &Config) -> Changes {
        let mut old: HashMap<&str, &Arc<Target>> =
            self.targets.iter().map(|target| (target.name.as_str(), target)).collect();
        let mut changes = Changes::default();
        for target in &new.targets {
            let list = match old.remove(target.name.as_str()) {
                None => &mut changes.added,
                Some(before) if before == target => &mut changes.kept,
                Some(_) => &mut changes.changed,
            };
            list.push(target.clone());
        }
        let gone = self.targets.iter().filter(|target| old.contains_key(target.name.as_str()));
        changes.removed = gone.map(|target| target.name.clone()).collect();
        changes
    }
}
