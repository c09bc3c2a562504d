//! The machine control service: the list of machines, and the operations that a monitor never asks for.

use super::super::{Request, Response};
use super::{
    accepts, bad_request,
    fleet::{Farm, View},
    machine::{Machine, Stamp},
    xml::{escape, leaves},
};
use hyper::StatusCode;
use std::{collections::BTreeSet, fmt::Write};

/// Media types.
pub(super) const LIST_PARAMS: &str = "application/vnd.citrix.machinecontrolstatusparams+xml";
pub(super) const LIST_RESULT: &str = "application/vnd.citrix.machinecontrolstatusresult+xml";
const OPERATION_PARAMS: &str = "application/vnd.citrix.machinecontroloperationparams+xml";
const OPERATION_RESULT: &str = "application/vnd.citrix.machinecontroloperation+xml";

/// Resource ids taken at once, at most.
const MAX_IDS: usize = 200;

/// In which of the ways that the page mixes the list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListStyle {
    /// As the page's sample: lower case, the 1-0 name space.
    Sample,
    /// As the page's table: camel case, the 2-0 name space of the prose.
    CamelCase,
    /// The root's status as an element, the power action as an attribute; ids only outside `machinedata`.
    Attributes,
    /// Every element with a prefix, and a byte order mark in front.
    Prefixed,
}

/// `POST {store}/machinecontrol/list`.
pub(super) fn list(
    request: &Request,
    view: &View,
    style: Option<ListStyle>,
    error: Option<&str>,
    bad: bool,
) -> Response {
    if !accepts(request, LIST_RESULT) {
        return Response::empty(StatusCode::NOT_ACCEPTABLE);
    }
    if !has_type(request, LIST_PARAMS) {
        return Response::empty(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let Some(fields) = leaves(&request.body) else {
        return bad_request("Invalid request");
    };
    let ids: Vec<&String> =
        fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case("resourceid")).map(|(_, id)| id).collect();
    if ids.len() > MAX_IDS {
        return bad_request("Too many resource ids supplied");
    }
    let style = match style {
        Some(style) => style,
        None if view.other_spelling => {
            [ListStyle::CamelCase, ListStyle::Attributes, ListStyle::Prefixed][ids.len() % 3]
        }
        None => ListStyle::Sample,
    };
    let writer = Writer { view, style };
    if let Some(error) = error {
        return reply(view, writer.document("failure", &format!("<errorid>{}</errorid>", escape(error))));
    }
    let farms = view.farms();
    // Unknown ids and repetitions are passed over without a word.
    let mut wanted = BTreeSet::new();
    for id in ids {
        let found = farms.iter().find_map(|f| Some((f, id.strip_prefix(f.name)?.strip_prefix('.')?)));
        if let Some((farm, title)) = found {
            wanted.extend(farm.machines_of(title).into_iter().map(|index| (farm.index, index)));
        }
    }
    let mut machines = String::new();
    if bad && wanted.contains(&(0, 0)) {
        machines.push_str("<status><machinedata><machinename>no id</machinename></machinedata></status>\n");
    }
    for (farm, index) in wanted {
        if let Some(farm) = farms.get(farm) {
            writer.machine(&mut machines, &farm.machine(view, index));
        }
    }
    reply(view, writer.document("success", &format!("<machinestatus>\n{machines}</machinestatus>")))
}

fn reply(view: &View, body: String) -> Response {
    let kind = match view.other_spelling {
        true => "application/vnd.citrix.machinecontrolstatusresult+xml; charset=utf-8",
        false => LIST_RESULT,
    };
    Response::full(StatusCode::OK, kind, body).with_header("cache-control", "no-cache, no-store")
}

fn has_type(request: &Request, expected: &str) -> bool {
    let value = request.header("content-type").unwrap_or_default();
    let kind = value.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case(expected)
}

struct Writer<'a> {
    view: &'a View,
    style: ListStyle,
}

impl Writer<'_> {
    /// The whole document. `content` is written with the sample's names.
    fn document(&self, status: &str, content: &str) -> String {
        let declaration = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n";
        let sample = "http://citrix.com/delivery-services/1-0/machinecontrolstatusresult";
        let prose = "http://citrix.com/delivery-services/2-0/machinecontrol";
        let root = "machinecontrolstatusresult";
        match self.style {
            ListStyle::Sample => {
                format!("{declaration}<{root} status=\"{status}\" xmlns=\"{sample}\">\n{content}\n</{root}>")
            }
            ListStyle::CamelCase => {
                let status = format!("{}{}", status[..1].to_uppercase(), &status[1..]);
                format!("{declaration}<{root} status=\"{status}\" xmlns=\"{prose}\">\n{content}\n</{root}>")
            }
            ListStyle::Attributes => {
                format!("{declaration}<{root} xmlns=\"{prose}\"><status>{status}</status>\n{content}\n</{root}>")
            }
            ListStyle::Prefixed => {
                let content = content.replace("</", "\u{0}").replace('<', "<m:").replace('\u{0}', "</m:");
                format!(
                    "\u{feff}{declaration}<m:{root} status=\"{status}\" xmlns:m=\"{prose}\">\n{content}\n</m:{root}>"
                )
            }
        }
    }

    fn machine(&self, out: &mut String, machine: &Machine) {
        let camel = self.style == ListStyle::CamelCase;
        let name = |lower: &'static str, table: &'static str| if camel { table } else { lower };
        let element = |out: &mut String, name: &str, value: &str| {
            let _ = write!(out, "<{name}>{}</{name}>", escape(value));
        };
        let flag = |value: bool| match (value, self.view.other_spelling) {
            (true, false) => "true",
            (false, false) => "false",
            (true, true) => "True",
            (false, true) => "False",
        };
        let state = |text: &str| match (self.view.other_spelling, machine.index % 3) {
            (true, 0) => text.to_lowercase(),
            (true, 1) => format!(" {} ", text.to_uppercase()),
            _ => text.to_owned(),
        };
        let stamp = Stamp::of(self.view, machine.index);
        out.push_str("<status>");
        element(out, name("machineid", "machineId"), &machine.id);
        element(out, name("resourceid", "resourceId"), &machine.resource);
        if !self.view.old_server {
            element(out, "maxLastUpdatedTime", &stamp.print(machine.max_updated));
        }
        let in_progress = machine.in_progress.map(flag);
        match in_progress.filter(|_| self.style == ListStyle::Attributes) {
            Some(flag) => {
                let _ = write!(out, "<machinedata powerActionInProgress=\"{flag}\">");
            }
            None => out.push_str("<machinedata>"),
        }
        if !self.view.old_server {
            element(out, "lastUpdatedTime", &stamp.print(machine.updated));
        }
        element(out, name("machinename", "machineName"), &machine.name);
        if self.style != ListStyle::Attributes {
            element(out, name("machineid", "machineId"), &machine.id);
        }
        element(out, name("registrationstate", "registrationState"), &state(machine.registration));
        element(out, name("powerstate", "powerState"), &state(machine.power));
        let session = if machine.multi { "MultiSession" } else { "SingleSession" };
        element(out, name("sessionsupport", "sessionSupport"), &state(session));
        element(out, name("shutdownsupported", "shutDownSupported"), flag(machine.power_off));
        element(out, name("turnoffsupported", "turnOffSupported"), flag(machine.power_off));
        if let Some(suspend) = machine.suspend {
            element(out, name("suspendsupported", "suspendSupported"), flag(suspend));
        }
        if let Some(flag) = in_progress.filter(|_| self.style != ListStyle::Attributes) {
            element(out, name("poweractioninprogress", "powerActionInProgress"), flag);
        }
        out.push_str("</machinedata></status>\n");
    }
}

/// `POST {store}/machinecontrol/shutdown`, `poweroff`, `suspend`: says that it was done, and does nothing. The id of the
/// machine comes back for the record.
pub(super) fn operate(request: &Request, farms: &[Farm]) -> (Response, Option<String>) {
    if !has_type(request, OPERATION_PARAMS) {
        return (Response::empty(StatusCode::UNSUPPORTED_MEDIA_TYPE), None);
    }
    let fields = leaves(&request.body).unwrap_or_default();
    let Some((_, id)) = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("machineid")) else {
        return (bad_request("Invalid machineId or continuationId supplied"), None);
    };
    let known = farms.iter().any(|f| id.strip_prefix(f.name).is_some_and(|rest| rest.starts_with(".S-1-5-21-")));
    if !known {
        let reason = "Machine not found with requested machineid or continuationId";
        let response = Response::empty(StatusCode::NOT_FOUND).with_header("x-citrix-error-reason", reason);
        return (response, Some(id.clone()));
    }
    let body = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
                <machinecontroloperation xmlns=\"http://citrix.com/delivery-services/1-0/machinecontroloperation\">\
                <status>Success</status><actionstatus>Completed</actionstatus><isSuccess>true</isSuccess>\
                <continuationid></continuationid><errorvalue></errorvalue><retrydelayhint></retrydelayhint>\
                </machinecontroloperation>";
    (Response::full(StatusCode::OK, OPERATION_RESULT, body), Some(id.clone()))
}
