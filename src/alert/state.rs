//! Alerts in the state file: what is pending or fires, since when, and the past that rules look at.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_tuple::{Deserialize_tuple, Serialize_tuple};

use crate::{clock::UnixTime, scale::scaled};

/// The section `alerts` of the state file. One of an earlier version has none, which is the same as an empty one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SavedAlerts {
    /// By target.
    pub targets: BTreeMap<String, SavedTargetAlerts>,
}

/// What is kept of one target.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SavedTargetAlerts {
    /// The label `vendor`; another one means that the name was given to another API.
    pub vendor: String,
    /// When its rules were last evaluated, to the minute.
    pub evaluated: Option<UnixTime>,
    /// When what fires was last told, evaluated or not, to the minute; an earlier version has none.
    pub awake: Option<UnixTime>,
    /// What is pending or fires.
    pub alerts: Vec<SavedAlert>,
    /// What samples were.
    pub tracks: Vec<SavedTrack>,
}

/// An alert that is pending or fires.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedAlert {
    /// The label `alertname`.
    pub alert: String,
    /// The label `severity`.
    pub severity: String,
    /// The other labels.
    pub labels: BTreeMap<String, String>,
    /// Since when its condition holds.
    pub since: UnixTime,
    /// When it began to fire; `None`: it is pending.
    pub fired: Option<UnixTime>,
    /// Since when its condition does not hold any more, while it goes on.
    pub clearing: Option<UnixTime>,
    /// The value of its condition; `None`: not known.
    pub value: Option<f64>,
}

/// The past of the series that a selector gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedTrack {
    /// Which selector.
    pub key: String,
    /// When it was last looked at, to the minute.
    pub recorded: UnixTime,
    /// Them.
    pub series: Vec<SavedSeries>,
}

/// A series and its past; an array in the state file.
#[derive(Debug, Clone, PartialEq, Serialize_tuple, Deserialize_tuple)]
pub struct SavedSeries {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its values with the moments from which on they were seen; `None`: it was not there.
    pub steps: Vec<(UnixTime, Option<f64>)>,
}

/// A moment to the full minute before, so that a file with nothing new in it need not be written anew.
pub fn minute(moment: UnixTime) -> UnixTime {
    let minute = i64::try_from(scaled(Duration::from_secs(60)).as_millis()).unwrap_or(1).max(1);
    UnixTime(moment.0 - moment.0.rem_euclid(minute))
}
