//! How the polls of a target went, and the lines that tell it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{Snapshot, render::Lines};
use crate::{
    api::Warning,
    catalogue::{Family, target as family},
    clock::UnixTime,
    config::Target,
    exposition::text,
    failure::{Failure, Reason},
    histogram::cumulative,
    http::stats::{BUCKETS, Counts},
};

/// How the polls of a target went.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Status {
    /// Polls that ended.
    pub polls: u64,
    /// Polls that fell away because the one before took too long.
    pub skipped: u64,
    /// Failed and partial polls, by the order of [`Reason::ALL`].
    pub failures: [u64; Reason::ALL.len()],
    /// Decode warnings, by the order of [`Warning::ALL`].
    pub warnings: [u64; Warning::ALL.len()],
    /// Whether the last poll had data; `None` before the first ended.
    pub up: Option<bool>,
    /// Whether it was partial.
    pub partial: bool,
    /// Why it failed or was partial.
    pub failure: Option<Failure>,
    /// Failed polls in a row.
    pub consecutive_failures: u64,
    /// When the last of them ended.
    pub failed_at: Option<UnixTime>,
    /// How long the last poll took.
    pub duration: Duration,
    /// When the first one since the start ended.
    pub first_poll: Option<UnixTime>,
    /// When it ended.
    pub last_poll: Option<UnixTime>,
    /// When the next one is due; `None` before it was planned.
    pub next_poll: Option<UnixTime>,
    /// Polls that should have ended by now and did not: the target's task has died, or hangs.
    pub missed: u64,
    /// When a poll last had data.
    pub last_success: Option<UnixTime>,
    /// Whether nothing of the target is fresh.
    pub stale: bool,
    /// Whether log-ons are held.
    pub held: bool,
    /// When a log-on that waits may be sent.
    pub next_logon: Option<UnixTime>,
    /// When credentials end.
    pub credential_expiry: BTreeMap<&'static str, UnixTime>,
    /// Whether the last try of each extra worked.
    pub extras: BTreeMap<&'static str, bool>,
    /// Whether the daemon pages for this target.
    pub direct_alerting: bool,
    /// What the client counted.
    pub requests: Arc<Counts>,
}

/// Whether the polls have stopped of at least half of these targets: then the daemon gives no sign of life any more.
pub fn polls_stopped(snapshots: &[Arc<Snapshot>]) -> bool {
    let stopped = snapshots.iter().filter(|snapshot| snapshot.status.missed > 0).count();
    stopped > 0 && 2 * stopped >= snapshots.len()
}

impl Status {
    /// What is to be told of it: polls that did not come are as bad as polls that failed.
    pub(super) fn judged(&self) -> Status {
        if self.missed == 0 {
            return self.clone();
        }
        let message =
            format!("{} polls in a row did not come; this is a bug of Rollcall, please report it", self.missed);
        Status {
            up: Some(false),
            partial: false,
            failure: Some(Failure::new(Reason::Internal, message)),
            consecutive_failures: self.consecutive_failures.saturating_add(self.missed),
            ..self.clone()
        }
    }

    /// Counts a poll that failed, or of which a part failed.
    pub fn count_failure(&mut self, reason: Reason) {
        let index = Reason::ALL.iter().position(|r| *r == reason).unwrap_or(Reason::ALL.len() - 1);
        self.failures[index] += 1;
    }

    /// The lines of every `rollcall_*` family about the target, in the order of the catalogue, but for
    /// `rollcall_target_series`, which counts them.
    pub(super) fn lines(&self, target: &Target, agents: usize) -> Vec<(&'static Family, Lines)> {
        let mut out = Writer { base: base(target), families: Vec::new() };
        let seconds = |time: Option<UnixTime>| time.map_or(0.0, UnixTime::as_secs_f64);
        out.family(&family::INFO, |lines| {
            let mut labels = lines.labels(&[]);
            text::label(&mut labels, "url", text::cut(target.url.as_str().trim_end_matches('/')).0);
            for (name, value) in &target.labels {
                text::label(&mut labels, name, text::cut(value).0);
            }
            lines.raw(&labels, 1.0);
        });
        if let Some(up) = self.up {
            out.one(&family::UP, flag(up));
            out.one(&family::PARTIAL, flag(self.partial));
        }
        out.one(&family::STALE, flag(self.stale));
        out.family(&family::EXTRA_UP, |lines| {
            self.extras.iter().for_each(|(name, up)| lines.with(&[name], flag(*up)));
        });
        if let Some(failure) = &self.failure {
            out.family(&family::FAILURE, |lines| lines.with(&[failure.reason.as_str()], 1.0));
        }
        out.one(&family::CONSECUTIVE_FAILURES, self.consecutive_failures as f64);
        out.one(&family::POLL_INTERVAL, target.interval.as_secs_f64());
        out.one(&family::POLL_TIMEOUT, target.timeout.as_secs_f64());
        if self.last_poll.is_some() {
            out.one(&family::POLL_DURATION, self.duration.as_secs_f64());
        }
        out.one(&family::LAST_POLL, seconds(self.last_poll));
        if let Some(next) = self.next_poll {
            out.one(&family::NEXT_POLL, next.as_secs_f64());
        }
        out.one(&family::FIRST_POLL, seconds(self.first_poll));
        out.one(&family::LAST_SUCCESS, seconds(self.last_success));
        out.one(&family::AGENTS, agents as f64);
        out.one(&family::POLLS, self.polls as f64);
        out.one(&family::POLLS_SKIPPED, self.skipped as f64);
        out.family(&family::POLL_FAILURES, |lines| {
            Reason::ALL.iter().zip(self.failures).for_each(|(reason, n)| lines.with(&[reason.as_str()], n as f64));
        });
        out.family(&family::DECODE_WARNINGS, |lines| {
            Warning::ALL.iter().zip(self.warnings).for_each(|(kind, n)| lines.with(&[kind.as_str()], n as f64));
        });
        out.requests(&self.requests);
        out.family(&family::CREDENTIAL_EXPIRY, |lines| {
            self.credential_expiry.iter().for_each(|(name, at)| lines.with(&[name], at.as_secs_f64()));
        });
        out.family(&family::TLS_NOT_AFTER, |lines| {
            self.requests.certificates.iter().for_each(|(host, at)| lines.with(&[host], at.as_secs_f64()));
        });
        out.one(&family::LOGIN_HELD, flag(self.held));
        if let Some(next) = self.next_logon {
            out.one(&family::LOGIN_NEXT_ATTEMPT, next.as_secs_f64());
        }
        out.one(&family::DIRECT_ALERTING_ACTIVE, flag(self.direct_alerting));
        out.families
    }
}

fn flag(on: bool) -> f64 {
    f64::from(u8::from(on))
}

/// The labels that every series of the target carries: `vendor="…",target="…"`.
pub(super) fn base(target: &Target) -> Arc<[u8]> {
    let mut labels = Vec::new();
    text::label(&mut labels, "vendor", target.vendor());
    text::label(&mut labels, "target", text::cut(&target.name).0);
    labels.into()
}

struct Writer {
    base: Arc<[u8]>,
    families: Vec<(&'static Family, Lines)>,
}

impl Writer {
    fn family(&mut self, family: &'static Family, write: impl FnOnce(&mut Lines)) {
        let mut lines = Lines::new(family, &self.base);
        write(&mut lines);
        self.families.push((family, lines));
    }

    fn one(&mut self, family: &'static Family, value: f64) {
        self.family(family, |lines| lines.with(&[], value));
    }

    fn requests(&mut self, counts: &Counts) {
        self.family(&family::API_REQUESTS, |lines| {
            for ((operation, code), n) in &counts.requests {
                lines.with(&[operation, &code.to_string()], *n as f64);
            }
        });
        self.family(&family::API_REQUEST_DURATION, |lines| {
            for (operation, histogram) in &counts.durations {
                let labels = lines.labels(&[operation]);
                lines.histogram(&labels, cumulative(&BUCKETS, &histogram.buckets), histogram.sum);
            }
        });
        self.one(&family::API_THROTTLED, counts.throttled.as_secs_f64());
    }
}
