//! What the REST API sends, read leniently: the schema contradicts the samples, and no two versions agree.
//!
//! Enums are integers in every sample, and strings in the schema, with `"14 = LogonDrain"` as their values inside a list
//! inside a list. Ids are integers in some lists and strings in others. So each field takes every spelling that was seen.

use std::{borrow::Cow, fmt, io::Read};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::{
    api::lenient::{self, Field, FromScalar, List, Shape},
    config::secret::SecretText,
    failure::{Failure, Reason},
};

/// An enum in any of its spellings: `14`, `"14"`, `"14 = LogonDrain"`, `"LogonDrain"`, `["LogonDrain"]`. Where a number is
/// given it counts, as names drift between versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spelling<'a> {
    /// By its number.
    Code(i64),
    /// By its name alone.
    Name(Cow<'a, str>),
}

impl<'de: 'a, 'a> FromScalar<'de> for Spelling<'a> {
    fn text(text: Cow<'de, str>) -> Field<Self> {
        let number = text.split_once('=').map_or(&*text, |(number, _)| number);
        match lenient::scalar(number) {
            Field::Value(code) => Field::Value(Spelling::Code(code)),
            _ => Field::Value(trimmed(text)).filled().and_then(|name| Field::Value(Spelling::Name(name))),
        }
    }

    fn int(number: i64) -> Field<Self> {
        Field::Value(Spelling::Code(number))
    }

    fn float(number: f64) -> Field<Self> {
        i64::float(number).and_then(Self::int)
    }

    /// The schema's list inside a list: one element stands for itself, several are the whole enum and no value.
    fn list<A: SeqAccess<'de>>(mut seq: A) -> Result<Field<Self>, A::Error> {
        let first = seq.next_element()?.unwrap_or(Field::Bad);
        let mut only = true;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            only = false;
        }
        Ok(if only { first } else { Field::Bad })
    }
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

/// One item of `GET /api/Agent`: exactly these four fields are documented, others are ignored.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentItem<'a> {
    /// A text, `null` allowed; the ids of other lists are numbers.
    #[serde(borrow, default, alias = "Id")]
    pub id: Field<Cow<'a, str>>,
    /// Site.
    #[serde(default, alias = "SiteId")]
    pub site_id: Field<i64>,
    /// See [`super::states`].
    #[serde(borrow, default, alias = "AgentState")]
    pub agent_state: Field<Spelling<'a>>,
    /// See [`super::server_types`].
    #[serde(borrow, default, alias = "ServerType")]
    pub server_type: Field<Spelling<'a>>,
}

impl Shape for AgentItem<'_> {
    type Of<'a> = AgentItem<'a>;
}

/// One item of a configuration list (brokers, gateways, hosts, providers, VMs, host pools and their members); only what a
/// name needs, and how many sessions a host may have.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerItem<'a> {
    /// A number or a text.
    #[serde(borrow, default, alias = "Id")]
    pub id: Field<Cow<'a, str>>,
    /// Site, where the list has it.
    #[serde(default, alias = "SiteId")]
    pub site_id: Field<i64>,
    /// Name of the server.
    #[serde(borrow, default, alias = "Server")]
    pub server: Field<Cow<'a, str>>,
    /// Name of the object.
    #[serde(borrow, default, alias = "Name")]
    pub name: Field<Cow<'a, str>>,
    /// See [`super::server_types`]; lists of one type need not name it.
    #[serde(borrow, default, alias = "ServerType")]
    pub server_type: Field<Spelling<'a>>,
    /// Of a session host.
    #[serde(default, alias = "MaxSessions")]
    pub max_sessions: Field<i64>,
}

impl Shape for ServerItem<'_> {
    type Of<'a> = ServerItem<'a>;
}

/// One item of a status list of servers. Only `id`, `siteId`, `agentState` and `serverType` are documented; the others have
/// the names of the vendor's PowerShell module, which are taken as they are there and in camel case. Nothing of users and
/// addresses is here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusItem<'a> {
    /// As in the agent list.
    #[serde(borrow, default, alias = "Id", alias = "ID")]
    pub id: Field<Cow<'a, str>>,
    /// Site.
    #[serde(default, alias = "SiteId", alias = "SiteID")]
    pub site_id: Field<i64>,
    /// See [`super::states`].
    #[serde(borrow, default, alias = "AgentState")]
    pub agent_state: Field<Spelling<'a>>,
    /// Percent.
    #[serde(default, alias = "CPULoad", alias = "CpuLoad")]
    pub cpu_load: Field<f64>,
    /// Percent.
    #[serde(default, alias = "MemLoad")]
    pub mem_load: Field<f64>,
    /// Of a session host.
    #[serde(default, alias = "ActiveSessions")]
    pub active_sessions: Field<i64>,
    /// Of a session host.
    #[serde(default, alias = "DisconnectedSessions")]
    pub disconnected_sessions: Field<i64>,
    /// Of a gateway.
    #[serde(default, rename = "activeRDPSessions", alias = "ActiveRDPSessions", alias = "activeRdpSessions")]
    pub active_rdp_sessions: Field<i64>,
    /// Of a gateway.
    #[serde(default, rename = "activeRDPSSLSessions", alias = "ActiveRDPSSLSessions", alias = "activeRdpSslSessions")]
    pub active_rdp_ssl_sessions: Field<i64>,
    /// Version of the agent.
    #[serde(borrow, default, alias = "AgentVer")]
    pub agent_ver: Field<Cow<'a, str>>,
}

impl Shape for StatusItem<'_> {
    type Of<'a> = StatusItem<'a>;
}

/// One virtual machine of a provider: its power state. Its session, user and address are passed over.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VmItem<'a> {
    /// As in the agent list.
    #[serde(borrow, default, alias = "Id", alias = "ID")]
    pub id: Field<Cow<'a, str>>,
    /// The id where there is no other one.
    #[serde(borrow, default, rename = "hostID", alias = "HostID", alias = "hostId")]
    pub host_id: Field<Cow<'a, str>>,
    /// Site.
    #[serde(default, alias = "SiteId", alias = "SiteID")]
    pub site_id: Field<i64>,
    /// VDI host or guest, where it says.
    #[serde(borrow, default, alias = "ServerType")]
    pub server_type: Field<Spelling<'a>>,
    /// Power state.
    #[serde(borrow, default, alias = "State")]
    pub state: Field<Spelling<'a>>,
}

impl Shape for VmItem<'_> {
    type Of<'a> = VmItem<'a>;
}

/// The license; keys, names and addresses of its owner are passed over. All of it is text in the vendor's samples, and may
/// be empty.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LicenseItem<'a> {
    /// A word, or its number.
    #[serde(borrow, default, alias = "LicenseType")]
    pub license_type: Field<Cow<'a, str>>,
    /// A word, or its number.
    #[serde(borrow, default, alias = "LicenseStatus")]
    pub license_status: Field<Cow<'a, str>>,
    /// A day.
    #[serde(borrow, default, alias = "ExpiryDate")]
    pub expiry_date: Field<Cow<'a, str>>,
    /// A day.
    #[serde(borrow, default, alias = "SupportExpireDate")]
    pub support_expire_date: Field<Cow<'a, str>>,
    /// As many as are licensed.
    #[serde(default, alias = "InstalledUsers")]
    pub installed_users: Field<i64>,
    /// The most so far.
    #[serde(default, alias = "UsersPeak")]
    pub users_peak: Field<i64>,
    /// Of today.
    #[serde(default, alias = "UsageToday")]
    pub usage_today: Field<i64>,
    /// Of the grace period.
    #[serde(default, alias = "GracePeriodDaysLeft")]
    pub grace_period_days_left: Field<i64>,
}

/// The answer to a log-on; everything but the token is left out. The token is opaque, with characters such as `+ = -`.
#[derive(Default)]
pub struct LogonAnswer {
    /// `authToken` in any case, for the header `auth_token`; not empty.
    pub token: Option<SecretText>,
}

impl<'de> Deserialize<'de> for LogonAnswer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<LogonAnswer, D::Error> {
        deserializer.deserialize_map(LogonFields)
    }
}

struct LogonFields;

impl<'de> Visitor<'de> for LogonFields {
    type Value = LogonAnswer;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer to a log-on")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LogonAnswer, A::Error> {
        let mut answer = LogonAnswer::default();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if !key.replace('_', "").eq_ignore_ascii_case("authToken") {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let token = map.next_value::<Field<Cow<'de, str>>>()?.filled().ok();
            answer.token = answer.token.or(token.map(|token| SecretText::new(token.trim())));
        }
        Ok(answer)
    }
}

/// More items than this are no list of a farm. Each takes more memory than the two bytes that it may have on the wire.
const MAX_ITEMS: usize = 1_000_000;

/// Hands over the items of a list with their places; one that cannot be read costs itself alone. Fails with `too_large`
/// where there are more than [`MAX_ITEMS`].
pub fn items<T: Shape>(body: impl Read, mut each: impl FnMut(usize, Option<T::Of<'_>>)) -> Result<List, Failure> {
    let mut index = 0;
    let list = lenient::items::<T>(body, None, |item| {
        if index < MAX_ITEMS {
            each(index, item);
        }
        index += 1;
    })?;
    if list.items > MAX_ITEMS {
        return Err(Failure::new(Reason::TooLarge, format!("more than {MAX_ITEMS} items")));
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelling(json: &str) -> Option<Spelling<'_>> {
        serde_json::from_str::<Field<Spelling<'_>>>(json).expect("any value is read").ok()
    }

    #[test]
    fn every_spelling_of_an_enum_is_read() {
        let code = |code| Some(Spelling::Code(code));
        let name = Some(Spelling::Name("LogonDrain".into()));
        for (json, expected) in [
            ("14", code(14)),
            ("-4", code(-4)),
            ("14.0", code(14)),
            (r#""14""#, code(14)),
            (r#"" -4 ""#, code(-4)),
            (r#""14 = LogonDrain""#, code(14)),
            (r#""-4=NotVerified""#, code(-4)),
            (r#""LogonDrain""#, name.clone()),
            (r#"" LogonDrain ""#, name.clone()),
            (r#"" Logon\u0044rain ""#, name.clone()),
            (r#"["14 = LogonDrain"]"#, code(14)),
            (r#"["LogonDrain"]"#, name),
            ("[14]", code(14)),
            ("[[14]]", code(14)),
            (r#"["0 = OK","14 = LogonDrain"]"#, None),
            ("[]", None),
            ("{}", None),
            (r#"{"code":14}"#, None),
            ("null", None),
            ("true", None),
            ("1.5", None),
            ("1e300", None),
            ("18446744073709551615", None),
            (r#""""#, None),
        ] {
            assert_eq!(spelling(json), expected, "{json}");
        }
    }

    fn count(body: &str) -> Result<usize, Failure> {
        let mut count = 0;
        items::<AgentItem<'_>>(body.as_bytes(), |_, _: Option<AgentItem<'_>>| count += 1).map(|_| count)
    }

    #[test]
    fn an_envelope_other_than_a_list_is_a_decode_failure() {
        for body in [r#"{"value":[]}"#, "null", "[{}", "", "[1],"] {
            let failure = count(body).expect_err(body);
            assert_eq!(failure.reason, Reason::Decode, "{body}");
        }
        assert_eq!(count("[]").expect("an empty list is a list"), 0);
    }

    #[test]
    fn too_many_items_are_not_kept() {
        let list = |count: usize| format!("[{}0]", "0,".repeat(count - 1));
        assert_eq!(count(&list(MAX_ITEMS)).expect("as many as may be"), MAX_ITEMS);
        assert_eq!(count(&list(MAX_ITEMS + 1)).expect_err("too many").reason, Reason::TooLarge);
    }
}
