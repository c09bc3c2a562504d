//! The page on the public interface, `deploy/docs/reference.md`: the prose of `reference/template.md` and of
//! `reference/vendor/<vendor>.md`, and in its places the tables that the program itself goes by.

mod health;
mod vendor;

use std::fmt::Write as _;

use clap::CommandFactory as _;

use crate::{
    api::Warning,
    catalogue::{self, Family},
    cli::Cli,
    config,
    failure::Reason,
    health::Health,
    web,
};

/// A line `{{name}}` is the place of a table.
const TEMPLATE: &str = include_str!("reference/template.md");

/// The page in Markdown.
pub fn markdown() -> String {
    filled(TEMPLATE)
}

/// The text with its tables.
fn filled(template: &str) -> String {
    let mut out = String::new();
    for line in template.lines() {
        match line.strip_prefix("{{").and_then(|line| line.strip_suffix("}}")) {
            Some(name) => out.push_str(&part(name)),
            None => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

/// A table, without the line feed at its end.
fn part(name: &str) -> String {
    let text = match name {
        "commands" => commands(),
        "flags" => flags(),
        "endpoints" => table("path | answer", web::routes().map(|route| [endpoint(route), answer(route.1).to_owned()])),
        "settings" => format!("```yaml\n{}\n```\n", config::default_yaml().trim_end()),
        "classes" => table("class | means | serving | eligible", Health::ALL.map(class)),
        "reasons" => table("reason | when", Reason::ALL.map(|reason| [code(reason.as_str()), when(reason).to_owned()])),
        "warnings" => {
            table("kind | what is odd", Warning::ALL.map(|kind| [code(kind.as_str()), oddity(kind).to_owned()]))
        }
        "agents of vendors" => vendor::agents(),
        "health of vendors" => vendor::health(),
        "metrics of vendors" => vendor::metrics(),
        "health parallels_ras" => health::parallels_ras(),
        "server types" => health::server_types(),
        "health parallels_ras_session" => health::parallels_ras_session(),
        "health resilio client" => health::resilio_client(),
        "health resilio job" => health::resilio_job(),
        "health azure_devops" => health::azure_devops(),
        "results azure_devops" => health::azure_devops_results(),
        "health citrix_storefront" => health::citrix_storefront(),
        "faults citrix_site" => health::citrix_site_faults(),
        "reasons citrix_site" => health::citrix_site_reasons(),
        "metrics daemon" => metrics(catalogue::daemon::FAMILIES),
        "metrics process" => metrics(catalogue::daemon::process::FAMILIES),
        "metrics agent" => metrics(catalogue::agent::FAMILIES),
        "metrics target" => metrics(catalogue::target::FAMILIES),
        other => panic!("template.md asks for {other:?}, which is no table"),
    };
    text.trim_end().to_owned()
}

/// A table with these titles. A line in a cell that would end it is escaped.
fn table<const N: usize>(titles: &str, rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut out = format!("| {titles} |\n|{}\n", "---|".repeat(N));
    for row in rows {
        let _ = writeln!(out, "| {} |", row.map(|cell| cell.replace('|', "\\|")).join(" | "));
    }
    out
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn codes<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    texts.into_iter().map(code).collect::<Vec<_>>().join(", ")
}

fn metrics(families: &[&Family]) -> String {
    let rows = families.iter().map(|family| {
        [code(family.name), family.kind.as_str().to_owned(), codes(family.all_labels()), family.help.to_owned()]
    });
    table("metric | type | labels | meaning", rows)
}

fn commands() -> String {
    let cli = Cli::command();
    let shown = cli.get_subcommands().filter(|command| !command.is_hide_set());
    let rows = shown.map(|command| {
        let operands = command.get_positionals().filter_map(|operand| operand.get_value_names()?.first());
        let usage: Vec<String> = operands.map(|operand| format!(" {operand}")).collect();
        [code(&format!("rollcall {}{}", command.get_name(), usage.concat())), help(command.get_about())]
    });
    table("command | does", rows)
}

/// One row per flag; commands that give it another meaning or default have rows of their own.
fn flags() -> String {
    let cli = Cli::command();
    let mut rows: Vec<([String; 4], Vec<&str>)> = Vec::new();
    for command in cli.get_subcommands().filter(|command| !command.is_hide_set()) {
        for flag in command.get_arguments().filter(|flag| !flag.is_hide_set()) {
            let Some(long) = flag.get_long().filter(|long| !matches!(*long, "help" | "version")) else { continue };
            let value = flag.get_action().takes_values().then(|| flag.get_value_names()?.first()).flatten();
            let value = value.map(|value| format!(" {value}")).unwrap_or_default();
            let env = flag.get_env().map(|env| code(&env.to_string_lossy())).unwrap_or_default();
            let defaults = flag.get_default_values().iter().filter(|text| !text.is_empty());
            let default = match flag.get_action().takes_values() {
                true => defaults.map(|text| code(&text.to_string_lossy())).collect::<Vec<_>>().join(", "),
                false => String::new(),
            };
            let row = [code(&format!("--{long}{value}")), env, default, help(flag.get_help())];
            match rows.iter_mut().find(|(other, _)| *other == row) {
                Some((_, commands)) => commands.push(command.get_name()),
                None => rows.push((row, vec![command.get_name()])),
            }
        }
    }
    let rows = rows.into_iter().map(|([flag, env, default, help], of)| [flag, of.join(", "), env, default, help]);
    table("flag | of | environment | default | meaning", rows)
}

fn help(text: Option<&clap::builder::StyledStr>) -> String {
    let text = text.map(ToString::to_string).unwrap_or_default();
    if text.ends_with(['.', ';']) { text } else { text + "." }
}

fn endpoint((method, path): (&str, &str)) -> String {
    code(&format!("{method} {path}"))
}

/// What a path answers.
fn answer(path: &str) -> &'static str {
    match path {
        "/" => "For people: how bad it is, what is wrong and since when, alerts, targets.",
        "/agents" => {
            "Every agent, paged: `q` searches names and native states; `vendor`, `target`, `pool`, `health`, `state` (each \
             repeatable) filter; `sort` is `worst`, `newest`, `oldest` or `name`."
        }
        "/agents/agent" => "`?target=&pool=&agent=`: one agent, its classes since the start, its alerts and samples.",
        "/targets/" => "`?name=`: as `/targets/<name>`, for a name that no path can hold.",
        "/targets/<name>" => {
            "A target: its polls, the requests of the last one, what was odd in it, holds. 404 if there is none of that name."
        }
        "/alerts" => {
            "What is pending, fires, or has ended lately; if Prometheus pages, as the daemon's own evaluation sees it. \
             `name`, `severity`, `state`, `target`, `pool` select."
        }
        "/alerts/<fingerprint>" => {
            "One alert by the fingerprint that Alertmanager gives it if no label is added: its condition, samples and runbook. \
             404 if it has not occurred since the start."
        }
        "/runbooks/" => "The runbooks, which are part of the program.",
        "/runbooks/<Alert>" => "One of them, with or without `.md`.",
        "/catalogue" => "Every metric and its meaning; `q` searches.",
        "/assets/<file>" => "Style, script and icons of the pages.",
        "/metrics" => {
            "Every series, or those of some targets (see below). 200 even when every target is down; 503 while `--web.max-requests` \
             scrapes are being answered and read."
        }
        "/config" => {
            "The running configuration as YAML, or as a page if `Accept` asks for HTML. Secrets, and the values of configured headers, read `<secret>`."
        }
        "/api/v1/targets" => "Every target with its last poll, its counts by class of health, and why it fails.",
        "/api/v1/agents" => {
            "Agents with their class, native state and since when. `vendor`, `target`, `pool` and `health` (each repeatable) and \
             `q` (part of a name or state, in any case) select; `limit` (default 100, at most 10000) and `offset` page."
        }
        "/api/v1/alerts" => {
            "Alerts that are pending or firing in direct mode. `state` and the labels of the alerts (each repeatable) select."
        }
        "/api/v1/status" => {
            "The daemon: version, start, files, shard, and counts of targets, agents, series and tasks."
        }
        "/-/healthy" => "200 as long as the process answers.",
        "/-/ready" => {
            "200 once every target was polled, whether that worked, failed or was held, or 60 s after the start; 503 until then."
        }
        "/-/reload" => {
            "Reads the configuration again. 200, or 500 with the reason; then the old configuration stays. 403 without \
             `--web.enable-lifecycle`, and to a page of another site; 503 while a reload is under way and another one waits."
        }
        "/-/release" => {
            "`?target=NAME`: a target that is held, or waits, logs on once at its next poll. 404 where it does neither, 429 within 15 \
             minutes of the last release of its account, 403 without `--web.enable-lifecycle`, and to a page of another site."
        }
        other => panic!("the page on the interface does not say what {other} answers"),
    }
}

fn class(class: Health) -> [String; 4] {
    let means = match class {
        Health::Healthy => "It works.",
        Health::Transitional => "It is changing, and that is expected to end by itself.",
        Health::Disabled => "It is out of service on purpose.",
        Health::Degraded => "It serves, but an admin should look.",
        Health::Failed => "It does not serve.",
        Health::Unknown => "The vendor does not know, or reported something new.",
    };
    let yes = |is: bool| if is { "yes" } else { "" }.to_owned();
    [code(class.as_str()), means.to_owned(), yes(class.serving()), yes(class.eligible())]
}

fn when(reason: Reason) -> &'static str {
    match reason {
        Reason::Dns => "The name of the server cannot be resolved.",
        Reason::Connect => "No connection: refused, unreachable, or closed before an answer.",
        Reason::Tls => {
            "The TLS handshake failed, mostly because the certificate is not trusted or is for another name. Or a certificate or key file of `http.tls` cannot be used."
        }
        Reason::Timeout => "The poll, or a log-on that it had to wait for, did not end in time.",
        Reason::Auth => {
            "The credentials were refused: status 401, a refused log-on, or the sign-in page of Azure DevOps. Or there are none: a secret file is missing, empty or not readable."
        }
        Reason::Forbidden => "Status 403: the account may not see this.",
        Reason::NotFound => "Status 404 or 406: another address, version or product.",
        Reason::RateLimited => "Status 429, or a `Retry-After` longer than the poll has left.",
        Reason::HttpStatus => "Any other status that is not a success.",
        Reason::ContentType => "HTML or another wrong type instead of data; often a proxy or a sign-in page.",
        Reason::Decode => "The right type, but unreadable, without its envelope, or with another root.",
        Reason::TooLarge => {
            "More than `max_response_size`, `max_agents` or `max_series`, or than a limit of the daemon's own."
        }
        Reason::Partial => {
            "Some parts of the target were read and others were not. Counted instead of the reasons of the parts."
        }
        Reason::Held => "The log-on was refused before and is not repeated yet; nothing was sent.",
        Reason::Internal => "A fault of the daemon itself. Please report it.",
    }
}

fn oddity(kind: Warning) -> &'static str {
    match kind {
        Warning::UnknownState => "A state that the tables of section 4 do not have.",
        Warning::BadItem => "An item that cannot be read or lacks its key, or an id that comes again. It is left out.",
        Warning::Duplicate => {
            "Objects that would give the same series. All but the one with the lowest id get `#<id>` behind their name."
        }
        Warning::TruncatedLabel => "A label value longer than 256 bytes. It is cut at a character boundary.",
        Warning::BadValue => "A field that cannot be read. It is left out.",
    }
}
