//! The vendors' tables of states and the class of health that each of them means.

use super::{code, codes, table};
use crate::{
    api::{
        azure_devops::states as azure,
        citrix_site::states as site,
        citrix_storefront::states as citrix,
        parallels_ras::{server_types, states as ras},
        parallels_ras_session::{codes::CODES, verdict::Verdict},
        resilio::states as resilio,
    },
    health::Health,
};

fn class(health: Health) -> String {
    health.as_str().to_owned()
}

pub fn parallels_ras() -> String {
    // Where the type of server changes nothing, its cell is empty.
    let on = |state: &ras::State, server_type: i64| match ras::health(state.code, server_type, false) {
        health if health == state.health => String::new(),
        health => class(health),
    };
    let rows = ras::STATES.iter().map(|state| {
        let (host, server) = (on(state, server_types::DESKTOP_HOSTS[0]), on(state, server_types::ALWAYS_ON[0]));
        [state.code.to_string(), code(state.name), class(state.health), host, server]
    });
    table("code | state | class | on session hosts | on servers that are always on", rows)
}

pub fn server_types() -> String {
    let rows = server_types::SERVER_TYPES.iter().map(|server_type| {
        let group = match server_type.code {
            code if server_types::DESKTOP_HOSTS.contains(&code) => "session host",
            code if server_types::ALWAYS_ON.contains(&code) => "always on",
            _ => "",
        };
        [server_type.code.to_string(), code(server_type.name), server_type.kind.as_str().to_owned(), group.to_owned()]
    });
    table("code | server type | kind | group", rows)
}

pub fn parallels_ras_session() -> String {
    let rows = Verdict::ALL.map(|verdict| {
        let of = CODES.iter().filter(|code| code.verdict == verdict).map(|code| code.api.to_string());
        [code(verdict.as_str()), class(verdict.health()), of.collect::<Vec<_>>().join(", ")]
    });
    table("verdict | class | codes of the broker", rows)
}

pub fn resilio_client() -> String {
    table("state | class", resilio::CLIENT.map(|(state, health)| [code(state), class(health)]))
}

pub fn resilio_job() -> String {
    let rows = resilio::RUN.map(|row| {
        let (complete, incomplete) = (resilio::run_health(row, false), resilio::run_health(row, true));
        let class = match complete == incomplete {
            true => class(complete),
            false => format!("{incomplete} where data are missing, else {complete}"),
        };
        [code(row.0), class]
    });
    table("status | class", rows)
}

pub fn azure_devops() -> String {
    let provisioning = azure::PROVISIONING.map(|(state, health)| [code(state), class(health)]);
    let rows = provisioning.into_iter().chain([["none, or another one".to_owned(), class(Health::Failed)]]);
    table("provisioning state of an offline agent | class", rows)
}

pub fn azure_devops_results() -> String {
    codes(azure::RESULTS)
}

pub fn citrix_storefront() -> String {
    let titles = format!("power state | {} | another one", citrix::REGISTRATION_NAMES.join(" | "));
    let rows = citrix::POWER_NAMES.iter().map(|power| (*power, code(power))).chain([("", "another one".to_owned())]);
    let rows = rows.map(|(power, shown)| {
        let of = |registration| match citrix::health(power, registration, false, false) {
            single if single == citrix::health(power, registration, false, true) => class(single),
            single => format!("{single}, or {} with MultiSession", citrix::health(power, registration, false, true)),
        };
        let [a, b, c, d] = [0, 1, 2, 3].map(|i| of(citrix::REGISTRATION_NAMES[i]));
        [shown, a, b, c, d, of("")]
    });
    table(&titles, rows)
}

pub fn citrix_site_faults() -> String {
    let of = |health: Option<Health>| match health {
        Some(Health::Degraded) => format!("at least {}", class(Health::Degraded)),
        Some(health) => class(health),
        None => "as the states say".to_owned(),
    };
    table("fault state | class", site::FAULTS.map(|(state, health)| [code(state), of(health)]))
}

pub fn citrix_site_reasons() -> String {
    codes(site::REASONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The columns of the table stand for groups of server types, so a group must be of one mind.
    #[test]
    fn server_types_of_a_group_do_not_differ() {
        for group in [&server_types::DESKTOP_HOSTS[..], &server_types::ALWAYS_ON[..]] {
            for state in &ras::STATES {
                let of = |server_type: &i64| ras::health(state.code, *server_type, false);
                assert!(group.iter().all(|server_type| of(server_type) == of(&group[0])), "{state:?}");
            }
        }
    }

    #[test]
    fn every_code_of_the_broker_is_told() {
        let text = parallels_ras_session();
        assert!(CODES.iter().all(|code| text.contains(&code.api.to_string())));
    }
}
