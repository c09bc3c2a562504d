//! The alert rules: one catalogue, evaluated by Prometheus through generated rules or by the daemon itself in direct mode.
//!
//! An alert is data ([`catalogue::Alert`]); its condition is an [`expr::Expr`], a small subset of PromQL as a tree. Why a
//! tree and not one kind per condition: the catalogue has two dozen kinds of conditions that differ in details (which
//! classes count, what must not hold besides, how far back), and each would need its own printer and its own evaluation,
//! which could then disagree. A tree has one printer ([`promql`]) and one evaluator ([`engine`](crate::alert::engine)), both small, and any
//! new alert is one more entry in a table. Both see the same samples: those of the exposition.
//!
//! ```text
//! catalogue::all()  ── overrides of the configuration ──►  rule::resolve() -> Vec<Rule>
//!                                                             ├──► promql: recording and alert rules, PrometheusRule
//!                                                             └──► engine: pending, firing, held, resolved -> queue
//! ```
//!
//! What both do with a [`rule::Rule`], so that they agree:
//! - `rule.expr` is evaluated; each sample of the result is an alert with exactly the labels `rule.alert.labels.names()`,
//!   plus `alertname` and `severity`. Empty labels do not exist.
//! - It fires once it was there for `rule.for`, and goes on for `rule.keep_firing_for` after it was last there.
//! - Where `rule.alert.hold` says so, what fires is held while nobody can know better: while the target's last poll
//!   failed (`rollcall_target_up` 0), for at most `max_hold` after the last success; and while it was partial and
//!   the subject's own part is not there ([`catalogue::Labels::presence`]), as long as that lasts, for an alert about
//!   partial polls is open meanwhile; and while what it reads besides could not be read ([`catalogue::Unread`]), where it
//!   could within `max_hold`. The value of a held alert is NaN, and its description says `?` ([`template`]).
//! - Two severities of one name never come out of `expr` for the same subject.
//! - The first override that matches, by severity, vendor, target and pool, has changed `for`, `keep_firing_for` and
//!   threshold, or has taken the rule away, already.

pub mod catalogue;
pub mod document;
pub mod expr;
pub mod links;
pub mod promql;
pub mod rule;
pub mod runbook;
pub mod scaled;
pub mod template;
