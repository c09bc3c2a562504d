//! `GET …/resources/v2/withoutautoprovision`: the resources of the account, and whose machines may be asked for.

use std::collections::HashSet;

use super::{
    SHOWN,
    request::{ApiRequest, failure},
    session::{RequestContext, Session},
    xml::{Visitor, walk},
};
use crate::{
    api::{
        Warning, Warnings,
        lenient::{self, RowCount},
        table::{self, OTHER},
    },
    failure::{Failure, Reason},
    http::Answer,
};

const ACCEPT: &str = "application/vnd.citrix.resources+xml";
const DESKTOP: &str = "Citrix.MPS.Desktop";

/// More resources than this are those of no account. Their ids are kept, and asked for by 200 in one request.
pub(super) const MAX_RESOURCES: usize = 200_000;

/// A longer id is none.
const MAX_ID: usize = 1024;

/// All ids together are at most so many bytes long.
const MAX_IDS: usize = 32 << 20;

/// How complete an enumeration says it is: whether all farms answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// All of them.
    Full,
    /// Some of them.
    Partial,
    /// None of them.
    Failed,
    /// Something new; nothing is concluded from what is missing.
    Other,
}

/// All states of an enumeration that are documented, as they are exposed.
pub const STATUSES: [(&str, Status); 3] =
    [("full", Status::Full), ("partial", Status::Partial), ("failed", Status::Failed)];
/// The names of [`STATUSES`].
pub static STATUS_NAMES: [&str; STATUSES.len()] = table::names(&STATUSES);

impl Status {
    /// The label `status`.
    pub fn as_str(self) -> &'static str {
        STATUSES.iter().find(|(_, status)| *status == self).map_or(OTHER, |(name, _)| name)
    }
}

/// What an enumeration said.
#[derive(Debug, PartialEq)]
pub struct Enumeration {
    /// How complete it is.
    pub status: Status,
    /// Resources in it.
    pub resources: usize,
    /// Ids of those whose machines may be asked for, each once, in its order.
    pub ids: Vec<Box<str>>,
    /// What is wrong where most of the resources cannot be read.
    pub defect: Option<Failure>,
}

impl Enumeration {
    /// Whether it tells of all resources that there are.
    pub fn is_complete(&self) -> bool {
        self.status == Status::Full && self.defect.is_none()
    }
}

/// Asks for the resources. No `group`: which one holds `canquerymachinestate` is not documented.
pub async fn enumerate(
    session: &mut Session,
    at: RequestContext,
    url: &reqwest::Url,
    warnings: &Warnings,
) -> Result<Enumeration, (Failure, Option<Answer>)> {
    let request = ApiRequest::get("resources", url.clone(), ACCEPT);
    let answer = session.send(at, &request).await.map_err(|failure| (failure, None))?;
    if !answer.status.is_success() {
        return Err((failure(&answer), Some(answer)));
    }
    let read = answer.xml().and_then(|body| decode(body, warnings).map_err(|failure| failure.context(&answer.what)));
    read.map_err(|failure| (failure, None))
}

/// Reads an enumeration; one of too many resources is a failure of reason `too_large`.
pub fn decode(body: &[u8], warnings: &Warnings) -> Result<Enumeration, Failure> {
    let mut decoder = Decoder {
        warnings,
        status: Status::Full,
        in_resource: false,
        id: String::new(),
        kind: String::new(),
        flag: None,
        resources: 0,
        rows: RowCount::default(),
        bytes: 0,
        flagged: false,
        queryable: Vec::new(),
        desktops: Vec::new(),
    };
    walk(body, &mut decoder)?;
    let defect = decoder.rows.judge("resources")?;
    // Older StoreFronts do not have the flag: every desktop is asked for then.
    let mut ids = if decoder.flagged { decoder.queryable } else { decoder.desktops };
    let mut seen = HashSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    Ok(Enumeration { status: decoder.status, resources: decoder.resources, ids, defect })
}

struct Decoder<'a> {
    warnings: &'a Warnings,
    status: Status,
    in_resource: bool,
    id: String,
    kind: String,
    flag: Option<bool>,
    resources: usize,
    rows: RowCount,
    /// Of their ids.
    bytes: usize,
    /// The flag occurs somewhere in the document.
    flagged: bool,
    queryable: Vec<Box<str>>,
    desktops: Vec<Box<str>>,
}

impl Visitor for Decoder<'_> {
    fn open(&mut self, depth: usize, name: &str) -> Result<(), Failure> {
        match depth {
            1 if !name.eq_ignore_ascii_case("resources") => {
                return Err(Failure::new(Reason::Decode, "not a list of resources"));
            }
            2 if self.resources >= MAX_RESOURCES => {
                return Err(Failure::new(Reason::TooLarge, format!("more than {MAX_RESOURCES} resources")));
            }
            2 if self.bytes > MAX_IDS => {
                return Err(Failure::new(Reason::TooLarge, format!("ids of more than {MAX_IDS} bytes")));
            }
            2 => {
                self.in_resource = name.eq_ignore_ascii_case("resource");
                self.id.clear();
                self.kind.clear();
                self.flag = None;
            }
            _ => {}
        }
        Ok(())
    }

    fn attribute(&mut self, depth: usize, name: &str, value: &str) {
        if depth == 1 && name.eq_ignore_ascii_case("enumeration") {
            let known = table::find(&STATUSES, value);
            self.status = known.map_or(Status::Other, |(_, status)| status);
            if known.is_none() {
                self.warnings.add(Warning::UnknownState, || format!("enumeration {}", lenient::shown(value, SHOWN)));
            }
        } else if depth == 2 && self.in_resource {
            self.field(name, value);
        }
    }

    fn close(&mut self, depth: usize, name: &str, text: &str) {
        if !self.in_resource {
            return;
        }
        match depth {
            // Only direct children: images and links have ids of their own.
            3 => self.field(name, text),
            2 => self.finish(),
            _ => {}
        }
    }
}

impl Decoder<'_> {
    fn field(&mut self, name: &str, value: &str) {
        if name.eq_ignore_ascii_case("id") {
            self.id.replace_range(.., value);
        } else if name.eq_ignore_ascii_case("resourcetype") {
            self.kind.replace_range(.., value);
        } else if name.eq_ignore_ascii_case("canquerymachinestate") {
            self.flagged = true;
            let flag = lenient::scalar(value);
            if flag == lenient::Field::Bad {
                self.warnings
                    .add(Warning::BadValue, || format!("canquerymachinestate {}", lenient::shown(value, SHOWN)));
            }
            self.flag = flag.ok();
        }
    }

    fn finish(&mut self) {
        let is_read = !self.id.is_empty() && self.id.len() <= MAX_ID;
        self.rows.add(is_read);
        if !is_read {
            self.warnings.add(Warning::BadItem, || "a resource without an id, or with one that is too long".to_owned());
            return;
        }
        self.resources += 1;
        self.bytes += self.id.len();
        if self.flag == Some(true) {
            self.queryable.push(self.id.as_str().into());
        }
        if !self.flagged && self.kind.eq_ignore_ascii_case(DESKTOP) {
            self.desktops.push(self.id.as_str().into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(enumeration: &Enumeration) -> Vec<&str> {
        enumeration.ids.iter().map(|id| &**id).collect()
    }

    #[test]
    fn resources_are_counted_and_the_queryable_ones_kept() {
        let warnings = Warnings::default();
        let enumeration = decode(
            br#"<resources xmlns="http://citrix.com/delivery-services/2-0/resources" xmlns:a="urn:s" enumeration="full" a:subscriptionsstatus="enabled">
            <resource><id>Controller.Notepad</id><images><image size="48"><id>no</id></image></images><resourcetype>Citrix.MPS.Application</resourcetype><canquerymachinestate>false</canquerymachinestate></resource>
            <resource><id>Controller.Desktop 1</id><resourcetype>Citrix.MPS.Desktop</resourcetype><canQueryMachineState>True</canQueryMachineState><a:more/></resource>
            <resource canquerymachinestate="1"><id>Controller.R&amp;D</id></resource>
            <resource canquerymachinestate="1"><id>Controller.R&amp;D</id></resource>
            <resource><id>Controller.Desktop 2</id><resourcetype>Citrix.MPS.Desktop</resourcetype></resource>
            <resource><id> </id><canquerymachinestate>true</canquerymachinestate></resource>
            </resources>"#,
            &warnings,
        );
        let enumeration = enumeration.expect("resources");
        assert_eq!((enumeration.status, enumeration.resources), (Status::Full, 5));
        assert_eq!(ids(&enumeration), ["Controller.Desktop 1", "Controller.R&D"]);
        assert_eq!(warnings.count(Warning::BadItem), 1);
    }

    #[test]
    fn without_the_flag_every_desktop_is_asked_for() {
        let body = b"<resources><resource><id>a</id><resourcetype>Citrix.MPS.Desktop</resourcetype></resource><resource><id>b</id><resourcetype>Citrix.MPS.Application</resourcetype></resource></resources>";
        let enumeration = decode(body, &Warnings::default()).expect("resources");
        assert_eq!((enumeration.status, enumeration.resources, ids(&enumeration)), (Status::Full, 2, vec!["a"]));
    }

    #[test]
    fn an_enumeration_says_how_complete_it_is() {
        let rows =
            [("full", Status::Full), ("Partial", Status::Partial), ("FAILED", Status::Failed), ("new", Status::Other)];
        for (text, status) in rows {
            let warnings = Warnings::default();
            let body = format!("<r:resources xmlns:r=\"urn:x\" r:enumeration=\"{text}\"/>");
            assert_eq!(decode(body.as_bytes(), &warnings).expect("resources").status, status);
            assert_eq!(warnings.count(Warning::UnknownState), u64::from(status == Status::Other));
        }
    }

    #[test]
    fn too_many_resources_are_not_kept() {
        let read = |count: usize| {
            let body = format!("<resources>{}</resources>", "<resource id='a'/>".repeat(count));
            decode(body.as_bytes(), &Warnings::default())
        };
        assert_eq!(read(MAX_RESOURCES).expect("as many as may be").resources, MAX_RESOURCES);
        assert_eq!(read(MAX_RESOURCES + 1).expect_err("too many").reason, Reason::TooLarge);
    }

    #[test]
    fn another_document_is_no_enumeration() {
        for body in ["<endpoints/>", "<resources><resource>", ""] {
            assert_eq!(decode(body.as_bytes(), &Warnings::default()).expect_err(body).reason, Reason::Decode);
        }
    }
}
