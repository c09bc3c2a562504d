//! User names that may be one account in several spellings: each spelling is held by itself, so that a refused password is sent
//! once for each.

use std::{collections::BTreeMap, sync::Arc};

use crate::config::{Target, VendorSettings, target::SiteAccess};

/// Each spelling of a user name, with the name as it is written and a target that has it.
type Spellings<'a> = BTreeMap<String, (&'a str, &'a str)>;

/// A line for each account of a vendor that several spellings may stand for.
pub fn alike(targets: &[Arc<Target>]) -> Vec<String> {
    let mut accounts: BTreeMap<(&str, String), Spellings<'_>> = BTreeMap::new();
    for target in targets {
        let Some(username) = username(target) else { continue };
        let spelling = username.trim().to_lowercase();
        let short = short(&spelling).to_owned();
        let spellings = accounts.entry((target.vendor(), short)).or_default();
        spellings.entry(spelling).or_insert((username, &target.name));
    }
    let warning = |((vendor, _), spellings): ((&str, String), Spellings<'_>)| {
        let names: Vec<String> =
            spellings.values().map(|(username, target)| format!("{username:?} ({target})")).collect();
        (names.len() > 1).then(|| {
            format!(
                "{vendor}: {} may be one account; write it the same way everywhere, as a refused password is sent once for each \
                 spelling",
                names.join(" and ")
            )
        })
    };
    accounts.into_iter().filter_map(warning).collect()
}

/// The name that a directory would check a password of.
fn username(target: &Target) -> Option<&str> {
    match &target.settings {
        VendorSettings::ParallelsRas(settings) => Some(&settings.auth.username),
        VendorSettings::ParallelsRasSession(settings) => Some(&settings.session.username),
        VendorSettings::CitrixStorefront(settings) => Some(&settings.auth.login.username),
        VendorSettings::CitrixSite(settings) => match &settings.access {
            SiteAccess::OnPremises(login) => Some(&login.username),
            SiteAccess::Cloud { .. } => None,
        },
        _ => None,
    }
}

/// The name without its domain: of `CORP\svc`, `svc@corp.example.com` and `svc` it is `svc`.
fn short(username: &str) -> &str {
    let name = username.rsplit('\\').next().unwrap_or(username);
    name.split('@').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn spellings_of_one_account_are_told_and_case_is_no_spelling() {
        let target = |name: &str, user: &str| {
            format!(
                "- {{ name: {name}, vendor: parallels_ras, url: 'https://{name}.example', auth: {{ username: '{user}', password: x }} }}\n"
            )
        };
        let warnings = |users: &[&str]| {
            let targets: String = users.iter().enumerate().map(|(i, user)| target(&format!("t{i}"), user)).collect();
            let config = Config::parse(&format!("targets:\n{targets}"), "rollcall.yml", std::path::Path::new("."));
            super::alike(&config.expect("it is valid").targets)
        };
        assert_eq!(warnings(&[r"CORP\svc", r"corp\SVC ", r"CORP\other", "another@corp.example.com"]), [""; 0]);
        let all = warnings(&[r"CORP\svc", "svc@corp.example.com", "Svc"]);
        assert_eq!(all.len(), 1, "{all:?}");
        assert!(
            all[0].starts_with(
                r#"parallels_ras: "CORP\\svc" (t0) and "Svc" (t2) and "svc@corp.example.com" (t1) may be"#
            ),
            "{all:?}"
        );
    }
}
