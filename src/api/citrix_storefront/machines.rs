//! `POST …/machinecontrol/list`: ids of resources in, machines out, one after the other as they are read.
//!
//! The vendor's page contradicts its own samples: namespaces, case, attributes or elements. `status` names three things
//! there (the result, a machine, an operation), so that elements are told apart by where they stand.

use std::time::Duration;

use super::{
    SHOWN,
    xml::{Visitor, escape, walk},
};
use crate::{
    api::{
        Warning, Warnings,
        lenient::{self, RowCount, Timestamp},
    },
    clock::UnixTime,
    failure::{Failure, Reason},
};

/// 2000-01-01: what lies before is no time of a machine, but a way to say that it is not set.
const FIRST: f64 = 946_684_800.0;

/// What is sent.
pub const PARAMS: &str = "application/vnd.citrix.machinecontrolstatusparams+xml";
/// What may be answered.
pub const ACCEPT: &str = "application/vnd.citrix.machinecontrolstatusresult+xml";

/// The body of a request, as in the vendor's sample: `resourceid` in lower case.
pub fn params(ids: &[Box<str>]) -> String {
    let mut body = String::from(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<machinecontrolstatusparams \
         xmlns=\"http://citrix.com/delivery-services/1-0/machinecontrolstatusparams\"><resourceids>",
    );
    for id in ids {
        body.push_str("<resourceid>");
        body.push_str(&escape(id));
        body.push_str("</resourceid>");
    }
    body.push_str("</resourceids></machinecontrolstatusparams>");
    body
}

/// A machine, as it was told. The same one is filled again and again.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Machine {
    /// Its id, unique in the store: `Controller.S-1-5-21-…`.
    pub id: String,
    /// The resource that leads to it.
    pub resource: String,
    /// Its name; may be missing.
    pub name: String,
    /// Power state in the server's spelling; empty where nothing was said.
    pub power: String,
    /// Registration state, likewise.
    pub registration: String,
    /// `SingleSession` or `MultiSession`.
    pub sessions: String,
    /// A power action is in progress.
    pub acting: Option<bool>,
    /// Whether it may be suspended, shut down, turned off.
    pub supported: [Option<bool>; 3],
    /// When its data were last updated, in Unix seconds.
    pub updated: Option<f64>,
    /// One of its times lies ahead of ours, so that it is read otherwise once it does not.
    pub ahead: bool,
    /// When its power state could last have been updated; in the vendor's sample earlier than `updated`.
    pub max_updated: Option<f64>,
}

impl Machine {
    fn clear(&mut self) {
        for text in [
            &mut self.id,
            &mut self.resource,
            &mut self.name,
            &mut self.power,
            &mut self.registration,
            &mut self.sessions,
        ] {
            text.clear();
        }
        self.acting = None;
        self.supported = [None; 3];
        self.ahead = false;
        self.updated = None;
        self.max_updated = None;
    }
}

/// Reads an answer and gives each machine to `sink`; returns what is wrong where most of the machines cannot be read. A
/// result that is not `success` is a failure.
pub fn decode(
    body: &[u8],
    now: UnixTime,
    warnings: &Warnings,
    sink: impl FnMut(&Machine),
) -> Result<Option<Failure>, Failure> {
    let mut decoder = Decoder {
        now,
        warnings,
        sink,
        machine: Machine::default(),
        in_list: false,
        in_machine: false,
        in_data: false,
        rows: RowCount::default(),
        result: String::new(),
        error: String::new(),
    };
    walk(body, &mut decoder)?;
    if decoder.result.is_empty() || decoder.result.eq_ignore_ascii_case("success") {
        return decoder.rows.judge("machines");
    }
    let word =
        |text: &str| text.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(64).collect::<String>();
    let message = format!("the store says {} (error {})", word(&decoder.result), word(&decoder.error));
    Err(Failure::new(Reason::HttpStatus, message))
}

#[derive(Clone, Copy)]
enum Field {
    Id,
    Resource,
    Name,
    Power,
    Registration,
    Sessions,
    Acting,
    Suspend,
    Shutdown,
    TurnOff,
    Updated,
    MaxUpdated,
}

const FIELDS: [(&str, Field); 12] = [
    ("machineid", Field::Id),
    ("resourceid", Field::Resource),
    ("machinename", Field::Name),
    ("powerstate", Field::Power),
    ("registrationstate", Field::Registration),
    ("sessionsupport", Field::Sessions),
    ("poweractioninprogress", Field::Acting),
    ("suspendsupported", Field::Suspend),
    ("shutdownsupported", Field::Shutdown),
    ("turnoffsupported", Field::TurnOff),
    ("lastupdatedtime", Field::Updated),
    ("maxlastupdatedtime", Field::MaxUpdated),
];

struct Decoder<'a, S> {
    now: UnixTime,
    warnings: &'a Warnings,
    sink: S,
    machine: Machine,
    /// In `machinestatus`, the list.
    in_list: bool,
    /// In a `status` of the list, a machine.
    in_machine: bool,
    /// In its `machinedata`.
    in_data: bool,
    rows: RowCount,
    result: String,
    error: String,
}

impl<S: FnMut(&Machine)> Visitor for Decoder<'_, S> {
    fn open(&mut self, depth: usize, name: &str) -> Result<(), Failure> {
        match depth {
            1 if !name.eq_ignore_ascii_case("machinecontrolstatusresult") => {
                return Err(Failure::new(Reason::Decode, "not a list of machines"));
            }
            2 => self.in_list = name.eq_ignore_ascii_case("machinestatus"),
            3 => {
                self.in_machine = self.in_list && name.eq_ignore_ascii_case("status");
                self.machine.clear();
            }
            4 => self.in_data = self.in_machine && name.eq_ignore_ascii_case("machinedata"),
            _ => {}
        }
        Ok(())
    }

    fn attribute(&mut self, depth: usize, name: &str, value: &str) {
        match depth {
            1 => self.of_result(name, value),
            3 if self.in_machine => self.field(name, value),
            4 if self.in_data => self.field(name, value),
            _ => {}
        }
    }

    fn close(&mut self, depth: usize, name: &str, text: &str) {
        match depth {
            2 if !self.in_list => self.of_result(name, text),
            3 if self.in_machine => self.finish(),
            4 if self.in_machine && !self.in_data => self.field(name, text),
            5 if self.in_data => self.field(name, text),
            _ => {}
        }
    }
}

impl<S: FnMut(&Machine)> Decoder<'_, S> {
    fn of_result(&mut self, name: &str, value: &str) {
        if name.eq_ignore_ascii_case("status") {
            self.result.replace_range(.., value);
        } else if name.eq_ignore_ascii_case("errorid") {
            self.error.replace_range(.., value);
        }
    }

    fn field(&mut self, name: &str, value: &str) {
        let Some((_, field)) = FIELDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) else { return };
        // What is said twice, e.g. the id, counts where it is last said: in machinedata.
        if value.is_empty() {
            return;
        }
        let (now, machine) = (self.now, &mut self.machine);
        let is_read = match field {
            Field::Id => {
                let differs = !machine.id.is_empty() && machine.id != value;
                machine.id.replace_range(.., value);
                !differs
            }
            Field::Resource => set(&mut machine.resource, value),
            Field::Name => set(&mut machine.name, value),
            Field::Power => set(&mut machine.power, value),
            Field::Registration => set(&mut machine.registration, value),
            Field::Sessions => set(&mut machine.sessions, value),
            Field::Acting => take(&mut machine.acting, lenient::scalar(value)),
            Field::Suspend => take(&mut machine.supported[0], lenient::scalar(value)),
            Field::Shutdown => take(&mut machine.supported[1], lenient::scalar(value)),
            Field::TurnOff => take(&mut machine.supported[2], lenient::scalar(value)),
            Field::Updated => take(&mut machine.updated, time(value, now, &mut machine.ahead)),
            Field::MaxUpdated => take(&mut machine.max_updated, time(value, now, &mut machine.ahead)),
        };
        if !is_read {
            self.warnings.add(Warning::BadValue, || format!("{name} {}", lenient::shown(value, SHOWN)));
        }
    }

    fn finish(&mut self) {
        self.rows.add(!self.machine.id.is_empty());
        if self.machine.id.is_empty() {
            self.warnings.add(Warning::BadItem, || "a machine without an id".to_owned());
        } else {
            (self.sink)(&self.machine);
        }
    }
}

fn set(field: &mut String, value: &str) -> bool {
    field.clear();
    field.push_str(value);
    true
}

/// Whether the value can be read; a bad one leaves the field as it is.
fn take<T>(field: &mut Option<T>, value: lenient::Field<T>) -> bool {
    if let lenient::Field::Bad = value {
        return false;
    }
    *field = value.ok();
    true
}

/// A time in Unix seconds: missing where it is unset, before 2000 or over a day ahead of `now`. Notes a time that lies
/// ahead at all: one that is missing may be so far ahead that it is none yet.
fn time(value: &str, now: UnixTime, ahead: &mut bool) -> lenient::Field<f64> {
    lenient::scalar(value).and_then(|moment: Timestamp| {
        let time = moment.as_secs_f64();
        *ahead |= time > now.as_secs_f64();
        let last = now.plus(Duration::from_secs(86_400)).as_secs_f64();
        if (FIRST..=last).contains(&time) { lenient::Field::Value(time) } else { lenient::Field::Missing }
    })
}

#[cfg(test)]
mod tests;
