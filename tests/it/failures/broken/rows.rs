//! Every way to fail, and what is told of it.

use rollcall_sim::Fault;

use crate::support::VENDORS;

/// How the vendor fails.
pub enum Break {
    /// Nobody listens.
    Shut,
    /// The request for the data meets a fault.
    Fault(Fault),
    /// The request for the data gets this status and header.
    Answer(u16, &'static str),
    /// The data are well-formed and something else.
    OtherRoot,
    /// There are no data where they should be.
    Empty,
    /// The data begin, and then the connection ends, or stays open without a word.
    Begun { stays: bool },
}

/// What the target shows then.
#[derive(Clone, Copy)]
pub struct Expected {
    /// Reason of the failed polls; empty where the poll is a success.
    pub reason: &'static str,
    /// For the session probe, where the result is the datum: what it says then. Else good data stay, and go when they are
    /// too old.
    pub verdict: Option<&'static str>,
    pub after: After,
}

/// What becomes of it when the vendor is well again.
#[derive(Clone, Copy, PartialEq)]
pub enum After {
    /// Everything is as before.
    Recovers,
    /// Nothing is asked for a long time, because the vendor wants it so.
    Waits,
}

const fn withdrawn(reason: &'static str) -> Expected {
    Expected { reason, verdict: None, after: After::Recovers }
}

const fn probe(reason: &'static str, verdict: &'static str) -> Expected {
    Expected { reason, verdict: Some(verdict), after: After::Recovers }
}

const fn then(expected: Expected, after: After) -> Expected {
    Expected { after, ..expected }
}

/// What each vendor shows, in the order of [`VENDORS`].
pub type Row = (&'static str, Break, [Expected; VENDORS.len()]);

/// Every breakage.
pub fn rows() -> Vec<Row> {
    let all = |reason, session| {
        let one = withdrawn(reason);
        VENDORS.map(|vendor| if vendor == "parallels_ras_session" { session } else { one })
    };
    let status = |status| Break::Fault(Fault::Status(status, "", "text/plain"));
    let mut rows: Vec<Row> = vec![
        ("shut", Break::Shut, all("connect", probe("connect", "unreachable"))),
        ("dropped", Break::Fault(Fault::Drop), all("connect", probe("connect", "unreachable"))),
        ("hanging", Break::Fault(Fault::Hang), all("timeout", probe("timeout", "unreachable"))),
        ("status-500", status(500), all("http_status", probe("http_status", "unreachable"))),
        ("status-429", status(429), all("rate_limited", probe("http_status", "unreachable"))),
        ("status-404", status(404), all("not_found", probe("http_status", "unreachable"))),
        ("status-403", status(403), all("forbidden", probe("http_status", "unreachable"))),
        ("status-401", status(401), all("auth", probe("auth", "token"))),
        ("busy", Break::Answer(503, "retry-after: 600"), all("rate_limited", probe("http_status", "unreachable"))),
        ("large", Break::Fault(Fault::Oversized(1_000_000)), all("too_large", withdrawn("too_large"))),
        ("html", Break::Fault(Fault::Html), all("content_type", probe("content_type", "unknown"))),
        ("cut", Break::Fault(Fault::Truncated), all("decode", probe("decode", "unknown"))),
        ("status-302", status(302), all("http_status", probe("http_status", "unreachable"))),
        ("empty", Break::Empty, all("decode", probe("decode", "unknown"))),
        ("ended", Break::Begun { stays: false }, all("decode", probe("decode", "unreachable"))),
        ("dripping", Break::Begun { stays: true }, all("timeout", probe("timeout", "unreachable"))),
        ("other-root", Break::OtherRoot, all("decode", probe("", "unknown"))),
    ];
    let index = |vendor| VENDORS.iter().position(|other| *other == vendor).expect("a vendor");
    let (ras, azure) = (index("parallels_ras"), index("azure_devops"));
    for (name, _, expected) in &mut rows {
        match *name {
            // The page is the sign-in page of Azure, and a redirect leads to it.
            "html" | "status-302" => expected[azure] = withdrawn("auth"),
            // RAS answers 401 also where a right is missing: a new log-on tells, and that was good.
            "status-401" => expected[ras] = withdrawn("forbidden"),
            "busy" => *expected = expected.map(|expected| then(expected, After::Waits)),
            _ => {}
        }
    }
    rows
}
