//! The broker's codes: process exit code, RDP code, category, and the verdict on the probe.
//!
//! The union of the vendor's tables "Bad Requests" and "Error Codes", which contradict each other in places; the text of a
//! message decides nothing, as one code is worded in several ways. 3000 is no row: it is the exit code of a priming that
//! went well, and no answer of the API. The list is not closed: "A list of all possible error codes will be provided".

use super::verdict::Verdict::{
    self, Account, App, Broker, Certificate, Endpoint, License, Policy, Priming, Request, Token,
};

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// In the answer of the API.
    pub api: u32,
    /// Exit code of the priming process, where there is one.
    pub exit: Option<u32>,
    /// Microsoft's code of the RDP disconnection, where there is one.
    pub rdp: Option<u32>,
    /// The label `category`; empty where the vendor's page says n/a.
    pub category: &'static str,
    /// What it says of the probe.
    pub verdict: Verdict,
}

const fn code(api: u32, exit: Option<u32>, rdp: Option<u32>, category: &'static str, verdict: Verdict) -> Code {
    Code { api, exit, rdp, category, verdict }
}

/// All codes, in order. 203 has any exit code below 3000.
#[rustfmt::skip]
pub const CODES: [Code; 63] = [
    code(3, None, None, "", Request),
    code(4, None, None, "", Request),
    code(100, None, None, "", Request),
    code(101, None, None, "", Request),
    code(102, None, None, "", Request),
    code(103, None, None, "", Request),
    code(104, None, None, "", Token),
    code(200, None, None, "", Broker),
    code(201, None, None, "", Endpoint),
    code(202, None, None, "", Broker),
    code(203, None, None, "", Broker),
    code(3001, Some(3001), None, "Priming", Broker),
    code(3002, Some(3002), None, "Priming", App),
    code(3003, Some(3003), None, "Priming", Broker),
    code(3004, Some(3004), None, "Priming", Broker),
    code(3005, Some(3005), None, "Priming", Priming),
    code(3006, Some(3006), None, "Priming", Priming),
    code(3007, None, None, "", Priming),
    code(3360, Some(3360), Some(260), "Connection", Endpoint),
    code(3362, Some(3362), Some(262), "Internal", Broker),
    code(3364, Some(3364), Some(264), "Connection", Endpoint),
    code(3616, Some(3616), Some(516), "Connection", Endpoint),
    code(3618, Some(3618), Some(518), "Internal", Broker),
    code(3620, Some(3620), Some(520), "Connection", Endpoint),
    code(3872, Some(3872), Some(772), "NetworkError", Endpoint),
    code(3874, Some(3874), Some(774), "Internal", Broker),
    code(3876, Some(3876), Some(776), "Connection", Endpoint),
    code(4128, Some(4128), Some(1028), "NetworkError", Endpoint),
    code(4130, Some(4130), Some(1030), "NetworkError", Endpoint),
    code(4131, Some(4131), Some(1031), "NetworkError", Endpoint),
    code(4132, Some(4132), Some(1032), "Internal", Broker),
    code(4386, Some(4386), Some(1286), "NetworkError", Endpoint),
    code(4388, Some(4388), Some(1288), "Connection", Endpoint),
    code(4640, Some(4640), Some(1540), "Connection", Endpoint),
    code(4642, Some(4642), Some(1542), "Connection", Endpoint),
    code(4644, Some(4644), Some(1544), "Internal", Broker),
    code(4645, Some(4645), Some(1545), "NetworkError", Endpoint),
    code(4896, Some(4896), Some(1796), "Connection", Endpoint),
    code(4898, Some(4898), Some(1798), "Connection", Endpoint),
    code(5152, Some(5152), Some(2052), "Connection", Endpoint),
    code(5155, Some(5155), Some(2055), "Credentials", Account),
    code(5156, Some(5156), Some(2056), "RDPLicense", License),
    code(5408, Some(5408), Some(2308), "NetworkError", Endpoint),
    code(5410, Some(5410), Some(2310), "RDPLicense", License),
    code(5412, Some(5412), Some(2312), "RDPLicense", License),
    code(5666, Some(5666), Some(2566), "RDPLicense", License),
    code(5667, Some(5667), Some(2567), "Credentials", Account),
    code(5922, Some(5922), Some(2822), "NetworkError", Endpoint),
    code(5923, Some(5923), Some(2823), "Account", Account),
    code(6178, Some(6178), Some(3078), "NetworkError", Endpoint),
    code(6179, Some(6179), Some(3079), "Account", Account),
    code(6180, Some(6180), Some(3080), "NetworkError", Endpoint),
    code(6435, Some(6435), Some(3335), "Account", Account),
    code(6691, Some(6691), Some(3591), "Account", Account),
    code(6947, Some(6947), Some(3847), "Account", Account),
    code(7715, Some(7715), Some(4615), "Account", Account),
    code(8739, Some(8739), Some(5639), "Account", Account),
    code(8995, Some(8995), Some(5895), "Account", Account),
    code(9251, Some(9251), Some(6151), "Account", Account),
    code(10019, Some(10019), Some(6919), "Connection", Certificate),
    code(10275, Some(10275), Some(7175), "Connection", Policy),
    code(11555, Some(11555), Some(8455), "Connection", Policy),
    code(11811, Some(11811), Some(8711), "Connection", Policy),
];

/// The vendor's page prints 64435 where every sum says 6435 (exit code 6435, RDP code 3335): a misprint, taken for it.
const MISPRINT: (u32, u32) = (64435, 6435);

/// Beyond this the code is that of the RDP disconnection, moved by as much.
const RDP_BASE: u32 = 3100;

/// The row of a code; `None` where the table has none.
pub fn by_code(api: u32) -> Option<&'static Code> {
    let api = if api == MISPRINT.0 { MISPRINT.1 } else { api };
    CODES.binary_search_by_key(&api, |code| code.api).ok().map(|index| &CODES[index])
}

/// The row of a code. One that is not in the table has the verdict `unknown`, and beyond 3100 an RDP code all the same,
/// of an unknown category.
pub fn look_up(api: u32) -> Code {
    let beyond = (api > RDP_BASE).then_some(api);
    let category = if beyond.is_some() { "unknown" } else { "" };
    let new = || code(api, beyond, beyond.map(|api| api - RDP_BASE), category, Verdict::Unknown);
    by_code(api).copied().unwrap_or_else(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written from the vendor's page, independently of [`CODES`]; 64435 as it is printed there.
    const PAGE: &str = include_str!("codes_fixture.tsv");

    #[test]
    fn each_row_of_the_vendors_tables_has_its_verdict() {
        let mut seen = Vec::new();
        for line in PAGE.lines().filter(|line| !line.starts_with('#')) {
            let [api, exit, rdp, category, verdict] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            let code = look_up(api.parse().expect("a number"));
            assert_eq!(code.exit, exit.parse().ok(), "{line}");
            assert_eq!(code.rdp, rdp.parse().ok(), "{line}");
            assert_eq!(code.category, if category == "n/a" { "" } else { category }, "{line}");
            assert_eq!(code.verdict.as_str(), verdict, "{line}");
            assert!(by_code(code.api).is_some(), "{line}");
            seen.push(code.api);
        }
        seen.sort_unstable();
        assert_eq!(seen, CODES.map(|code| code.api), "the table has no further rows");
    }

    #[test]
    fn the_misprint_stands_for_the_code_that_the_sums_give() {
        assert_eq!(look_up(64435), look_up(6435));
        assert_eq!(look_up(64435).api, 6435);
        for code in CODES {
            assert!(code.rdp.is_none_or(|rdp| rdp + RDP_BASE == code.api), "{code:?}");
        }
    }

    #[test]
    fn a_new_code_is_unknown_and_has_its_rdp_code_beyond_3100() {
        assert_eq!(look_up(4000), code(4000, Some(4000), Some(900), "unknown", Verdict::Unknown));
        assert_eq!(look_up(105), code(105, None, None, "", Verdict::Unknown));
        assert_eq!(look_up(3100).rdp, None);
    }
}
