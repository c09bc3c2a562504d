//! The short lists: delivery groups, hypervisors and zones. Licenses, which are one object.

use std::{borrow::Cow, collections::HashSet};

use serde::Deserialize;

use super::{
    super::{
        Context, Part, Subject, Warning,
        lenient::{self, Field, Object, RowCount, Shape},
        words,
    },
    machine::{Named, name_of},
    machines::{ENVELOPE, text},
    session::{Question, Session},
};
use crate::{
    catalogue::citrix_site as families,
    failure::{Failure, Reason},
    http::Body,
};

/// More rows of such a list are taken for a mistake, and more pages.
const MOST: usize = 10_000;
const PAGES: usize = 50;

/// Names that are the same behind so many bytes would be one series.
const LABEL: usize = 256;

/// One of the lists.
#[derive(Debug, Clone, Copy)]
pub struct ShortList {
    /// The key of its part, and the operation in the metrics.
    pub key: &'static str,
    path: &'static str,
    fields: Option<&'static str>,
    read: fn(&mut Rows, &Body) -> Result<Option<String>, Failure>,
}

/// All of them. Groups say who may use them, unless they are asked for less; the others say nothing of users.
pub const LISTS: [ShortList; 3] = [
    ShortList {
        key: "delivery_groups",
        path: "DeliveryGroups",
        fields: Some(
            "Id,Name,InMaintenanceMode,SessionCount,TotalDesktops,DesktopsAvailable,DesktopsDisconnected,DesktopsFaulted,\
             DesktopsUnregistered",
        ),
        read: |rows, body| rows.read::<GroupItem<'_>>(body, |rows, item| rows.group(&item)),
    },
    ShortList {
        key: "hypervisors",
        path: "hypervisors",
        fields: None,
        read: |rows, body| rows.read::<HypervisorItem<'_>>(body, |rows, item| rows.hypervisor(&item)),
    },
    ShortList {
        key: "zones",
        path: "Zones",
        fields: None,
        read: |rows, body| rows.read::<ZoneItem<'_>>(body, |rows, item| rows.zone(&item)),
    },
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct GroupItem<'a> {
    #[serde(rename = "Name", alias = "name", borrow)]
    name: Field<Cow<'a, str>>,
    #[serde(rename = "InMaintenanceMode", alias = "inMaintenanceMode")]
    in_maintenance_mode: Field<bool>,
    #[serde(rename = "SessionCount", alias = "sessionCount")]
    session_count: Field<i64>,
    #[serde(rename = "TotalDesktops", alias = "totalDesktops")]
    total: Field<i64>,
    #[serde(rename = "DesktopsAvailable", alias = "desktopsAvailable")]
    available: Field<i64>,
    #[serde(rename = "DesktopsDisconnected", alias = "desktopsDisconnected")]
    disconnected: Field<i64>,
    #[serde(rename = "DesktopsFaulted", alias = "desktopsFaulted")]
    faulted: Field<i64>,
    #[serde(rename = "DesktopsUnregistered", alias = "desktopsUnregistered")]
    unregistered: Field<i64>,
}

impl Shape for GroupItem<'_> {
    type Of<'a> = GroupItem<'a>;
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct HypervisorItem<'a> {
    #[serde(rename = "Name", alias = "name", borrow)]
    name: Field<Cow<'a, str>>,
    #[serde(rename = "ConnectionType", alias = "connectionType", borrow)]
    connection_type: Field<Cow<'a, str>>,
    #[serde(rename = "Zone", alias = "zone", borrow)]
    zone: Object<Named<'a>>,
    #[serde(rename = "Fault", alias = "fault", borrow)]
    fault: Object<Fault<'a>>,
}

impl Shape for HypervisorItem<'_> {
    type Of<'a> = HypervisorItem<'a>;
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Fault<'a> {
    /// A word; `None` where all is well.
    #[serde(rename = "State", alias = "state", borrow)]
    state: Field<Cow<'a, str>>,
    /// The text of an exception.
    #[serde(rename = "Reason", alias = "reason", borrow)]
    reason: Field<Cow<'a, str>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ZoneItem<'a> {
    #[serde(rename = "Name", alias = "name", borrow)]
    name: Field<Cow<'a, str>>,
    #[serde(rename = "IsHealthy", alias = "isHealthy")]
    is_healthy: Field<bool>,
}

impl Shape for ZoneItem<'_> {
    type Of<'a> = ZoneItem<'a>;
}

/// What was read of a list.
pub struct Rows {
    part: Part,
    count: RowCount,
    names: HashSet<Box<str>>,
}

/// Reads a list, all its pages.
pub async fn fetch(list: ShortList, session: &Session, cx: &Context<'_>) -> Result<Part, Failure> {
    let deadline = cx.part_deadline();
    let mut rows = Rows { part: Part::new(families::FAMILIES), count: RowCount::default(), names: HashSet::new() };
    let mut next: Option<String> = None;
    let mut seen = HashSet::new();
    for _ in 0..PAGES {
        let fields = list.fields.map(|fields| ("fields", fields));
        let continuation = next.as_deref().map(|token| ("continuationToken", token));
        let query: Vec<(&str, &str)> = [("limit", "1000")].into_iter().chain(fields).chain(continuation).collect();
        let question = Question { operation: list.key, path: list.path, query: &query, deadline };
        let body = session.get(cx, question).await?;
        next = (list.read)(&mut rows, &body)
            .map_err(|failure| failure.context(&format!("GET /cvad/manage/{}", list.path)))?;
        match &next {
            None => return rows.finish(list),
            // It leads back to where it has been.
            Some(token) if !seen.insert(token.clone()) => break,
            Some(_) => {}
        }
    }
    Err(Failure::new(Reason::Decode, format!("GET /cvad/manage/{}: the pages have no end", list.path)))
}

impl Rows {
    fn read<T: Shape>(
        &mut self,
        body: &Body,
        set: impl for<'a> Fn(&mut Rows, T::Of<'a>) -> bool,
    ) -> Result<Option<String>, Failure> {
        let (list, next) = lenient::page::<T>(body.reader(), ENVELOPE, |item| {
            if self.names.len() > MOST {
                return;
            }
            let read = item.is_some_and(|item| set(self, item));
            self.count.add(read);
        })?;
        if !list.found {
            return Err(Failure::new(Reason::Decode, "no Items"));
        }
        if self.names.len() > MOST {
            return Err(Failure::new(Reason::TooLarge, format!("more than {MOST} rows")));
        }
        Ok(next)
    }

    /// Whether the row has a name; the first of several with the same one counts.
    fn named(&mut self, what: &str, name: &str) -> (bool, bool) {
        if name.is_empty() {
            self.part.warnings.add(Warning::BadItem, || format!("{what} without a name"));
            return (false, false);
        }
        let is_new = self.names.insert(lenient::cut(name, LABEL).into());
        if !is_new {
            self.part.warnings.add(Warning::BadItem, || format!("{what} {name:?} comes twice"));
        }
        (true, is_new)
    }

    fn group(&mut self, item: &GroupItem<'_>) -> bool {
        let name = text(&item.name);
        let (readable, is_new) = self.named("delivery group", name);
        if !is_new {
            return readable;
        }
        let part = &mut self.part;
        let pool = part.described_pool(name);
        let number = |part: &Part, field: Field<i64>, what| field.get(&part.warnings, what).map(|count| count as f64);
        let sessions = number(part, item.session_count, "delivery group SessionCount");
        part.set_some(&families::DELIVERY_GROUP_SESSIONS, pool, &[], sessions);
        let maintenance = item.in_maintenance_mode.get(&part.warnings, "delivery group InMaintenanceMode");
        let maintenance = maintenance.map(|on| f64::from(u8::from(on)));
        part.set_some(&families::DELIVERY_GROUP_MAINTENANCE_MODE, pool, &[], maintenance);
        for (state, field) in [
            ("total", item.total),
            ("available", item.available),
            ("disconnected", item.disconnected),
            ("faulted", item.faulted),
            ("unregistered", item.unregistered),
        ] {
            let count = number(part, field, "number of desktops of a delivery group");
            part.set_some(&families::DELIVERY_GROUP_DESKTOPS, pool, &[state], count);
        }
        readable
    }

    fn hypervisor(&mut self, item: &HypervisorItem<'_>) -> bool {
        let name = text(&item.name);
        let (readable, is_new) = self.named("hypervisor", name);
        if !is_new {
            return readable;
        }
        let fault = match &item.fault.0 {
            Field::Value(fault) => {
                let (state, reason) = (text(&fault.state), words::shown(text(&fault.reason)));
                let at_fault = !state.is_empty() && !state.eq_ignore_ascii_case("None");
                let reason = if reason.is_empty() { words::shown(state) } else { reason };
                Some((at_fault, if at_fault { reason } else { String::new() }))
            }
            Field::Missing => Some((false, String::new())),
            Field::Bad => {
                self.part.warnings.add(Warning::BadValue, || format!("fault of hypervisor {name:?} cannot be read"));
                None
            }
        };
        if let Some((at_fault, reason)) = fault {
            let value = f64::from(u8::from(at_fault));
            self.part.set(&families::HYPERVISOR_FAULT, Subject::Target, &[name, &reason], value);
        }
        let labels = [name, text(&item.connection_type), name_of(&item.zone)];
        self.part.set(&families::HYPERVISOR_INFO, Subject::Target, &labels, 1.0);
        readable
    }

    fn zone(&mut self, item: &ZoneItem<'_>) -> bool {
        let name = text(&item.name);
        let (readable, is_new) = self.named("zone", name);
        if is_new {
            let healthy = item.is_healthy.get(&self.part.warnings, "zone IsHealthy");
            let healthy = healthy.map(|healthy| f64::from(u8::from(healthy)));
            self.part.set_some(&families::ZONE_HEALTHY, Subject::Target, &[name], healthy);
        }
        readable
    }

    fn finish(mut self, list: ShortList) -> Result<Part, Failure> {
        let what = list.key.replace('_', " ");
        self.part.defect =
            self.count.judge(&what).map_err(|failure| failure.context(&format!("GET /cvad/manage/{}", list.path)))?;
        self.part.shrink();
        Ok(self.part)
    }
}

/// Reads a list that is there, for fuzzing.
#[cfg(any(test, fuzzing))]
pub fn read(list: ShortList, body: &[u8]) -> Result<Part, Failure> {
    let mut rows = Rows { part: Part::new(families::FAMILIES), count: RowCount::default(), names: HashSet::new() };
    (list.read)(&mut rows, &Body::plain(body.to_vec()))?;
    rows.finish(list)
}

/// The licenses of a site.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Licenses {
    used: Option<f64>,
    normal: Option<f64>,
    overdraft: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct LicenseItem {
    #[serde(rename = "LicensesUsage", alias = "licensesUsage")]
    used: Field<i64>,
    #[serde(rename = "NormalLicenses", alias = "normalLicenses")]
    normal: Field<i64>,
    #[serde(rename = "OverdraftLicenses", alias = "overdraftLicenses")]
    overdraft: Field<i64>,
}

impl Licenses {
    /// Reads the answer.
    pub fn read(body: &[u8], cx: &Context<'_>) -> Result<Licenses, Failure> {
        let text = lenient::text(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body));
        let item: LicenseItem = lenient::object(&text)?;
        let number = |field: Field<i64>, what| {
            field.get(cx.warnings, what).filter(|count| *count >= 0).map(|count| count as f64)
        };
        let licenses = Licenses {
            used: number(item.used, "LicensesUsage"),
            normal: number(item.normal, "NormalLicenses"),
            overdraft: number(item.overdraft, "OverdraftLicenses"),
        };
        match licenses == Licenses::default() {
            true => Err(Failure::new(Reason::Decode, "no numbers of licenses")),
            false => Ok(licenses),
        }
    }

    /// As a part.
    pub fn part(self) -> Part {
        let mut part = Part::new(families::FAMILIES);
        for (kind, count) in [("used", self.used), ("normal", self.normal), ("overdraft", self.overdraft)] {
            part.set_some(&families::LICENSES, Subject::Target, &[kind], count);
        }
        part
    }
}
