//! What must hold for any bytes at all, as functions that a fuzzer calls with the inputs that it finds (`fuzz/`), and
//! `cargo test` with mutated seeds (`fuzz/seeds/`).
//!
//! Each panics where its property does not hold: an answer of a vendor becomes a failure or an exposition that another parser
//! reads back, what is printed is read again, what is saved comes back, and no server leads credentials astray.
//!
//! A new target is a function below and a file of three lines in `fuzz/fuzz_targets/`, which a test asks for.

mod answers;
mod exposed;
mod input;
mod promql;
#[path = "../tests/it/support/exposition/read.rs"]
mod read_back;
mod settings;
mod state;
#[cfg(test)]
mod tests;

use answers::{decode, failed_or};
use input::Input;

use crate::{
    api::{
        azure_devops, citrix_site, citrix_storefront, lenient, parallels_ras, parallels_ras_session, resilio,
        resilio_console,
    },
    http::{Answer, Body},
};

macro_rules! targets {
    ($($(#[doc = $doc:literal])+ $name:ident($data:ident) $run:block)+) => {
        $($(#[doc = $doc])+ pub fn $name($data: &[u8]) { $run })+

        /// All of them, by name.
        pub const TARGETS: &[(&str, fn(&[u8]))] = &[$((stringify!($name), $name)),+];

        #[cfg(test)]
        mod mutated {
            $(#[test]
            fn $name() {
                super::tests::holds_for_mutated_seeds(stringify!($name), super::$name);
            })+
        }
    };
}

targets! {
    /// JSON lists, whole and in pieces, beside `serde_json`.
    json_list(data) { answers::json_list(data) }
    /// Answers of any status, type and encoding, and their `Retry-After`.
    http_answer(data) { answers::http_answer(&Answer::of_bytes(data)) }
    /// Packed bodies.
    http_body(data) { _ = Body::unpacked(data, 1 << 16) }
    /// Dates, Unix times and time spans.
    times(data) { answers::times(&lenient::text(data)) }

    /// Parallels RAS: the agent list and a list of names.
    parallels_ras_agents(data) { decode("parallels_ras", parallels_ras::fuzz::agents, data) }
    /// Parallels RAS: the answer to a log-on.
    parallels_ras_logon(data) { failed_or(parallels_ras::fuzz::logon(Answer::of_bytes(data))) }
    /// Parallels RAS sessions: the answer to a probe.
    parallels_ras_session_reply(data) { decode("parallels_ras_session", parallels_ras_session::fuzz::reply, data) }

    /// Resilio: the client.
    resilio_client(data) { decode("resilio", resilio::fuzz::client, data) }
    /// Resilio: runs.
    resilio_runs(data) { decode("resilio", resilio::fuzz::runs, data) }
    /// Resilio: tags.
    resilio_tags(data) { decode("resilio", resilio::fuzz::tags, data) }
    /// Resilio: the token.
    resilio_token(data) { failed_or(resilio::fuzz::token(Answer::of_bytes(data))) }

    /// Resilio's console: agents, those that wait and those that were declined.
    resilio_console_agents(data) { decode("resilio_console", resilio_console::fuzz::agents, data) }
    /// Resilio's console: groups.
    resilio_console_groups(data) { decode("resilio_console", resilio_console::fuzz::groups, data) }
    /// Resilio's console: jobs.
    resilio_console_jobs(data) { decode("resilio_console", resilio_console::fuzz::jobs, data) }
    /// Resilio's console: pages of runs.
    resilio_console_runs(data) { decode("resilio_console", resilio_console::fuzz::runs, data) }
    /// Resilio's console: a run on its agents.
    resilio_console_run_agents(data) { decode("resilio_console", resilio_console::fuzz::run_agents, data) }

    /// Azure DevOps: pages of pools.
    azure_devops_pools(data) { decode("azure_devops", azure_devops::fuzz::pools, data) }
    /// Azure DevOps: pages of agents.
    azure_devops_agents(data) { decode("azure_devops", azure_devops::fuzz::agents, data) }
    /// Azure DevOps: pages of a queue.
    azure_devops_queue(data) { decode("azure_devops", azure_devops::fuzz::queue, data) }
    /// Azure DevOps: pages of scale sets.
    azure_devops_elastic(data) { decode("azure_devops", azure_devops::fuzz::elastic, data) }
    /// Azure DevOps: pages of agents with their capabilities.
    azure_devops_capabilities(data) { decode("azure_devops", azure_devops::fuzz::capabilities, data) }
    /// Azure DevOps: headers about limits.
    azure_devops_limits(data) {
        decode("azure_devops", |data, _, _| Ok(azure_devops::fuzz::limits(&Answer::of_bytes(data))), data)
    }
    /// Azure DevOps: a token of Entra.
    azure_devops_token(data) { failed_or(azure_devops::fuzz::token(&Answer::of_bytes(data))) }

    /// Citrix: machines.
    citrix_machines(data) { decode("citrix_storefront", citrix_storefront::fuzz::machines, data) }
    /// Citrix: the enumeration of resources.
    citrix_resources(data) { decode("citrix_storefront", citrix_storefront::fuzz::resources, data) }
    /// Citrix: the list of endpoints.
    citrix_endpoints(data) { failed_or(citrix_storefront::fuzz::endpoints(data)) }
    /// Citrix: tokens, choices and forms.
    citrix_reply(data) { answers::with_context(|cx| failed_or(citrix_storefront::fuzz::reply(data, cx))) }
    /// Citrix: challenges.
    citrix_challenge(data) { citrix_storefront::fuzz::challenge(data) }

    /// A Citrix site: pages of machines.
    citrix_site_machines(data) { decode("citrix_site", citrix_site::fuzz::machines, data) }
    /// A Citrix site: delivery groups.
    citrix_site_groups(data) { decode("citrix_site", citrix_site::fuzz::delivery_groups, data) }
    /// A Citrix site: hypervisors.
    citrix_site_hypervisors(data) { decode("citrix_site", citrix_site::fuzz::hypervisors, data) }
    /// A Citrix site: zones.
    citrix_site_zones(data) { decode("citrix_site", citrix_site::fuzz::zones, data) }
    /// A Citrix site: licenses.
    citrix_site_licenses(data) { decode("citrix_site", citrix_site::fuzz::licenses, data) }
    /// A Citrix site: tokens, and the id of the site.
    citrix_site_access(data) {
        answers::with_context(|cx| failed_or(citrix_site::fuzz::access(&Answer::of_bytes(data), cx)))
    }

    /// A whole configuration.
    config(data) { settings::config(&lenient::text(data)) }
    /// A web configuration.
    web_config(data) { settings::web_config(data) }
    /// A tree of YAML.
    yaml(data) { crate::config::fuzz::yaml(data) }
    /// Durations, sizes, globs, labels, shards and `Accept` headers.
    words(data) { settings::words(&lenient::text(data)) }
    /// The state file, and everybody who goes on with it.
    state_file(data) { state::state_file(data) }

    /// Any samples as text, OpenMetrics and gzip, read back by another parser.
    exposition(data) { exposed::any_samples(Input(data)) }
    /// Any expression as PromQL, on one line and on many, read back by `promql-parser`.
    promql(data) { promql::any_expression(Input(data)) }
    /// Globs as regular expressions of PromQL.
    globs(data) { promql::glob(Input(data)) }
}
