//! Whom a list is about. Whether a list without `siteId` is of all sites or of one is not documented, so both are taken for
//! possible: each site that such a list did not hold is asked for by its id.

use std::{collections::BTreeSet, io::Read};

use super::wire::{self, StatusItem};
use crate::{
    api::{Warning, Warnings, lenient::RowCount},
    failure::Failure,
};

/// Whom a list is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// It was asked for without a site: all sites, or the one that the server takes for granted.
    Unnamed,
    /// One site, by its id.
    Site(i64),
}

impl Scope {
    /// The path of a list, given without this parameter.
    pub fn path(self, path: &str) -> String {
        match self {
            Scope::Unnamed => path.to_owned(),
            Scope::Site(site) => format!("{path}{}siteId={site}", if path.contains('?') { '&' } else { '?' }),
        }
    }

    /// The sites whose rows are taken from a list; none: all.
    pub fn filter(self) -> Vec<i64> {
        match self {
            Scope::Unnamed => Vec::new(),
            Scope::Site(site) => vec![site],
        }
    }
}

/// What every row of a list that names no site belongs to: the site asked for, else the only one that the agent list of
/// that request held.
#[derive(Debug, Clone, Copy)]
pub struct ListScope {
    /// What was asked for.
    pub scope: Scope,
    /// The site of a row that names none.
    pub default_site: Option<i64>,
}

/// Where the sites of the farm are listed.
pub const SITES: &str = "/api/Site/status";

/// So many sites are asked for one by one, at most.
const MAX_SITES: usize = 1000;

/// Reads the list of sites.
pub fn sites(body: impl Read, warnings: &Warnings) -> Result<BTreeSet<i64>, Failure> {
    let (mut sites, mut count) = (BTreeSet::new(), RowCount::default());
    wire::items::<StatusItem<'_>>(body, |index, item: Option<StatusItem<'_>>| {
        let site = item.and_then(|item| item.site_id.ok().or_else(|| item.id.ok()?.trim().parse().ok()));
        count.add(site.is_some());
        match site {
            Some(site) if sites.len() < MAX_SITES => {
                sites.insert(site);
            }
            _ => warnings.add(Warning::BadItem, || format!("list of sites: item {index} cannot be read")),
        }
    })?;
    count.judge("sites")?.map_or(Ok(sites), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_asked_for_beside_whatever_else_is() {
        assert_eq!(Scope::Unnamed.path("/api/Agent"), "/api/Agent");
        assert_eq!(Scope::Site(3).path("/api/Agent"), "/api/Agent?siteId=3");
        assert_eq!(Scope::Site(3).path("/api/License?UseCache=true"), "/api/License?UseCache=true&siteId=3");
    }

    #[test]
    fn sites_are_read_by_whatever_names_them() {
        let read = |json: &str| sites(json.as_bytes(), &Warnings::default());
        let list = r#"[{"id": "9", "siteId": 1}, {"Id": "2"}, {"SiteId": "3", "agentState": 0}, {"siteId": 1}]"#;
        assert_eq!(read(list).expect("a list"), BTreeSet::from([1, 2, 3]));
        assert_eq!(read("[]").expect("a list"), BTreeSet::new());
        assert!(read(r#"[{"site": 1}]"#).is_err(), "it is no farm without sites");
        assert!(read("{}").is_err());
    }
}
