//! Descriptions: `{agent}` is a label, `{value}` the value of the condition, `{threshold}` its threshold. Rendered natively,
//! and into Prometheus' template language; both say the same.
