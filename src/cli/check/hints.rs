//! What a poll shows of settings that did nothing: globs that matched no pool or agent, and why there may be no agents.
//!
//! All of it may be right: pools come and go. So these are warnings, and only after a complete poll.

use crate::{
    config::{Target, VendorSettings, vendor::AzureDevOps},
    glob::{Glob, Globs},
    printable::printable,
    snapshot::Snapshot,
};

/// As many names of what is there are told.
const NAMED: usize = 5;

/// What is doubtful about the settings of a target, each as a line.
pub fn of(snapshot: &Snapshot) -> Vec<String> {
    let target = &snapshot.target;
    let pools: Vec<&str> = snapshot.pools.iter().map(|pool| &*pool.name).collect();
    let mut hints = Vec::new();
    let mut of_pools = |path: String, glob: &Glob| {
        if !pools.iter().any(|pool| glob.matches(pool)) {
            hints.push(format!("{path}: {:?} matches no pool; {}", glob.as_str(), there_are(&pools)));
        }
    };
    for (index, expect) in target.expect.iter().enumerate() {
        of_pools(format!("expect[{index}].pool"), &expect.pool);
    }
    for (index, change) in target.health_overrides.iter().enumerate() {
        of_pools(format!("health_overrides[{index}].pool"), &change.pool);
    }
    if let VendorSettings::AzureDevOps(settings) = &target.settings {
        for (index, glob) in settings.on_demand_pools.0.iter().enumerate() {
            of_pools(format!("on_demand_pools[{index}]"), glob);
        }
    }
    let Globs(by_design) = match &target.settings {
        VendorSettings::AzureDevOps(settings) => &settings.offline_by_design,
        VendorSettings::ResilioConsole(settings) => &settings.offline_by_design,
        _ => &Globs::default(),
    };
    for (index, glob) in by_design.iter().enumerate() {
        if !snapshot.agents.iter().any(|agent| glob.matches(agent.name)) {
            hints.push(format!("offline_by_design[{index}]: {:?} matches no agent", glob.as_str()));
        }
    }
    for pool in &snapshot.pools {
        let all: u64 = pool.agents.iter().copied().map(u64::from).sum();
        if let Some(least) = pool.min_serving.filter(|least| *least > all && !pool.on_demand) {
            let index = target.expect.iter().position(|expect| expect.pool.matches(&pool.name)).unwrap_or_default();
            let pool = printable(&pool.name);
            hints.push(format!(
                "expect[{index}].min_serving: {least}, and pool {pool} has {all} in all; RollcallPoolBelowMinimum will page"
            ));
        }
    }
    if snapshot.agents.is_empty() {
        // It explains the others.
        hints.insert(0, why_none(target, pools.len()));
    }
    hints
}

/// Names of `storefront_farms` that no polled store has, with the target each stands at. Nothing where no store was polled: another
/// daemon may poll it.
pub fn of_storefront_farms(snapshots: &[Snapshot]) -> Vec<(&str, String)> {
    let is_store = |snapshot: &&Snapshot| matches!(snapshot.target.settings, VendorSettings::CitrixStorefront(_));
    let stores: Vec<&Snapshot> = snapshots.iter().filter(is_store).collect();
    let farms: Vec<&str> = stores.iter().flat_map(|snapshot| &snapshot.pools).map(|pool| &*pool.name).collect();
    let mut hints = Vec::new();
    for snapshot in snapshots.iter().filter(|_| !stores.is_empty()) {
        let VendorSettings::CitrixSite(settings) = &snapshot.target.settings else { continue };
        let unknown = |(_, farm): &(usize, &String)| !farms.contains(&farm.as_str());
        for (index, farm) in settings.storefront_farms.iter().enumerate().filter(unknown) {
            let hint = format!(
                "storefront_farms[{index}]: {farm:?} is no farm of a store that was polled; {}",
                there_are(&farms)
            );
            hints.push((snapshot.target.name.as_str(), hint));
        }
    }
    hints
}

fn there_are(pools: &[&str]) -> String {
    let more = if pools.len() > NAMED { ", ..." } else { "" };
    match pools.len() {
        0 => "there is none".to_owned(),
        n => {
            let names: Vec<_> = pools[..n.min(NAMED)].iter().map(|name| printable(name)).collect();
            format!("there are: {}{more}", names.join(", "))
        }
    }
}

/// The likely reason why there are no agents.
fn why_none(target: &Target, pools: usize) -> String {
    let reason = match &target.settings {
        VendorSettings::AzureDevOps(settings) if pools == 0 => return format!("no agents: {}", why_no_pools(settings)),
        VendorSettings::AzureDevOps(_) => "the pools are empty",
        VendorSettings::ParallelsRas(settings) if !settings.site_ids.is_empty() => "site_ids may match no site",
        VendorSettings::CitrixStorefront(settings) if !settings.resource_ids.is_empty() => {
            "the resources of resource_ids have no machines for this account"
        }
        VendorSettings::CitrixStorefront(_) => "the store may offer this account no desktops",
        VendorSettings::CitrixSite(_) => "the account may have no role at this site, or a scope without machines",
        VendorSettings::ResilioConsole(_) => "the user of the token may not be allowed to see them",
        _ => "the account may not be allowed to see them",
    };
    format!("no agents: {reason}")
}

fn why_no_pools(settings: &AzureDevOps) -> String {
    let Globs(include) = &settings.pools.include;
    let what = match (include.iter().any(|glob| glob.as_str() == "*"), settings.pools.exclude.0.is_empty()) {
        (true, true) => "the account sees no pool (a token needs Agent Pools: Read)",
        (false, true) => "pools.include matches nothing",
        (_, false) => "pools.include and pools.exclude leave nothing",
    };
    let hosted = if settings.include_hosted { "" } else { ", or only pools that Microsoft hosts (include_hosted)" };
    format!("{what}{hosted}")
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use super::*;
    use crate::{
        api::{Agent, Observation, Part, Warnings},
        clock::UnixTime,
        config::Config,
        health::Health,
        snapshot::Ledger,
    };

    /// A target of these settings after a poll that showed these pools, each with an agent `runner-1`.
    fn snapshot(settings: &str, pools: &[&str]) -> Snapshot {
        let yaml = format!("targets: [{{ name: t, {settings} }}]");
        let config = Config::parse(&yaml, "rollcall.yml", Path::new(".")).expect("it is valid");
        let mut ledger = Ledger::new(Arc::clone(&config.targets[0]), false);
        let mut part = Part::new(&[]);
        for name in pools {
            let pool = part.pool(name, false);
            let (name, health) = ("runner-1".into(), Some(Health::Healthy));
            part.agent(Agent { pool, name, id: 1.into(), health, state: "online".into() });
        }
        let now = UnixTime::from_secs(1);
        ledger.apply(Observation::single(part), now, &Warnings::default()).expect("it can be taken up");
        ledger.publish(now).snapshot
    }

    /// The doubts about it.
    fn hints(settings: &str, pools: &[&str]) -> Vec<String> {
        of(&snapshot(settings, pools))
    }

    const CONSOLE: &str = "vendor: resilio_console, url: 'https://mc', auth: { api_token: x }";

    #[test]
    fn a_glob_on_agents_of_the_console_that_matched_nothing_is_told() {
        let settings = format!("{CONSOLE}, offline_by_design: ['runner-*', 'laptop-*']");
        assert_eq!(hints(&settings, &["zrh"]), ["offline_by_design[1]: \"laptop-*\" matches no agent"]);
    }

    const AZURE: &str = "vendor: azure_devops, url: 'https://dev.azure.com/contoso', auth: { pat: x }";

    #[test]
    fn a_glob_that_matched_nothing_is_told_with_what_there_is() {
        let settings = format!(
            "{AZURE}, expect: [{{ pool: 'linxu*', min_serving: 1 }}, {{ pool: 'linux*', min_serving: 1 }}],
             on_demand_pools: ['win*', default], offline_by_design: ['runner-*', 'placeholder-*'],
             health_overrides: [{{ state: offline, health: disabled }}, {{ state: offline, pool: x, health: disabled }}]"
        );
        let expected = [
            "expect[0].pool: \"linxu*\" matches no pool; there are: default, linux",
            "health_overrides[1].pool: \"x\" matches no pool; there are: default, linux",
            "on_demand_pools[0]: \"win*\" matches no pool; there are: default, linux",
            "offline_by_design[1]: \"placeholder-*\" matches no agent",
        ];
        assert_eq!(hints(&settings, &["default", "linux"]), expected);
    }

    #[test]
    fn more_agents_expected_than_a_pool_has_are_told() {
        let settings = format!("{AZURE}, expect: [{{ pool: 'l*', min_serving: 2 }}, {{ pool: w, min_serving: 1 }}]");
        assert_eq!(
            hints(&settings, &["linux", "w"]),
            ["expect[0].min_serving: 2, and pool linux has 1 in all; RollcallPoolBelowMinimum will page"]
        );
    }

    #[test]
    fn a_farm_that_no_store_has_is_told_where_a_store_was_polled() {
        let auth = "auth: { username: u, password: p }";
        let site = format!("vendor: citrix_site, url: 'https://ddc', {auth}, storefront_farms: [XD, Xd-West]");
        let store = format!("vendor: citrix_storefront, url: 'https://a/Citrix/Store', {auth}");
        let site = snapshot(&site, &["Desktops"]);
        assert_eq!(of_storefront_farms(std::slice::from_ref(&site)), []);
        let all = [site, snapshot(&store, &["XD", "XD-West"])];
        let expected = "storefront_farms[1]: \"Xd-West\" is no farm of a store that was polled; there are: XD, XD-West";
        assert_eq!(of_storefront_farms(&all), [("t", expected.to_owned())]);
    }

    #[test]
    fn the_likely_reason_for_no_agents_is_told() {
        let hosted = ", or only pools that Microsoft hosts (include_hosted)";
        let citrix = "vendor: citrix_storefront, url: 'https://a/Citrix/Store', auth: { username: u, password: p }";
        let farm = "vendor: parallels_ras, url: 'https://a', auth: { username: u, password: p }, site_ids: [7]";
        for (settings, expected) in [
            (AZURE.to_owned(), format!("the account sees no pool (a token needs Agent Pools: Read){hosted}")),
            (format!("{AZURE}, pools: {{ include: [x] }}"), format!("pools.include matches nothing{hosted}")),
            (
                format!("{AZURE}, pools: {{ exclude: [x] }}, include_hosted: true"),
                "pools.include and pools.exclude leave nothing".to_owned(),
            ),
            (farm.to_owned(), "site_ids may match no site".to_owned()),
            (citrix.to_owned(), "the store may offer this account no desktops".to_owned()),
            (CONSOLE.to_owned(), "the user of the token may not be allowed to see them".to_owned()),
        ] {
            assert_eq!(hints(&settings, &[]), [format!("no agents: {expected}")], "{settings}");
        }
    }
}
