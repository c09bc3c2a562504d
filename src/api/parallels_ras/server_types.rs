//! Server types: number, name, and whether a row is a server with an agent or a logical object.
//!
//! Map by number: the names drift between versions. 10 is missing from the page of version 20 and was seen on version
//! 21, more will follow.

/// What a row of the agent list stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A server with an agent of its own.
    Host,
    /// A site, pool, template or virtual server: told, but no agent.
    Logical,
}

impl Kind {
    /// The label `kind`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Host => "host",
            Kind::Logical => "logical",
        }
    }
}

/// One value of `serverType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerType {
    /// On the wire.
    pub code: i64,
    /// The vendor's name.
    pub name: &'static str,
    /// Host or logical.
    pub kind: Kind,
}

const fn host(code: i64, name: &'static str) -> ServerType {
    ServerType { code, name, kind: Kind::Host }
}

const fn logical(code: i64, name: &'static str) -> ServerType {
    ServerType { code, name, kind: Kind::Logical }
}

/// All server types, by code. -1 is a filter value that no answer should hold; it is no server at any rate.
#[rustfmt::skip]
pub const SERVER_TYPES: [ServerType; 23] = [
    logical(-1, "All"),
    host(1, "RDSHost"),
    host(2, "Provider"),
    host(3, "Gateway"),
    host(4, "Guest"),
    host(7, "PA"),
    logical(9, "Site"),
    logical(10, "VDIHostPool"),
    logical(16, "RDSGroup"),
    host(25, "HALBDevice"),
    logical(45, "TenantBroker"),
    host(46, "Enrollment"),
    logical(51, "HALB"),
    logical(64, "AVDWorkspace"),
    logical(65, "AVDHostPool"),
    logical(66, "AVDTemplate"),
    host(67, "AVDHost"),
    logical(95, "VDITemplateVersion"),
    logical(96, "AVDTemplateVersion"),
    logical(97, "RDSTemplateVersion"),
    logical(107, "RDSTemplate"),
    logical(108, "VDITemplate"),
    host(2013, "VDIHost"),
];

/// Names that other versions print for a number of [`SERVER_TYPES`].
pub const OTHER_NAMES: [(&str, i64); 1] = [("Broker", 7)];

/// RDSHost, Guest, AVDHost, VDIHost: the hosts of sessions, which may be switched off by power management.
pub const DESKTOP_HOSTS: [i64; 4] = [1, 4, 67, 2013];

/// Provider, Gateway, PA, HALBDevice, TenantBroker, Enrollment, HALB: nobody switches these off to save power.
pub const ALWAYS_ON: [i64; 7] = [2, 3, 7, 25, 45, 46, 51];

/// The server type of this number.
pub fn by_code(code: i64) -> Option<&'static ServerType> {
    SERVER_TYPES.binary_search_by_key(&code, |server_type| server_type.code).ok().map(|i| &SERVER_TYPES[i])
}

/// The number of this name, in any case.
pub fn by_name(name: &str) -> Option<i64> {
    let known = SERVER_TYPES.iter().map(|server_type| (server_type.name, server_type.code));
    known.chain(OTHER_NAMES).find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, code)| code)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written from the vendor's pages, independently of [`SERVER_TYPES`].
    const PAGE: &str = include_str!("server_types_fixture.tsv");

    #[test]
    fn the_table_is_the_vendors() {
        let table = SERVER_TYPES.map(|t| format!("{}\t{}\t{}", t.code, t.name, t.kind.as_str()));
        let page: Vec<&str> = PAGE.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(table.as_slice(), page);
        for server_type in &SERVER_TYPES {
            assert_eq!(by_code(server_type.code), Some(server_type));
            assert_eq!(by_name(&server_type.name.to_lowercase()), Some(server_type.code));
        }
        assert_eq!(by_name("Broker"), Some(7));
        assert_eq!((by_code(8), by_name("Balloon")), (None, None));
    }
}
