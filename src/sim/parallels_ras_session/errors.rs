//! The error table of the Connection Broker API: code, category, verdict, and the message of the codes that have one.
//!
//! Written from the vendor's PDF; the exporter has a table of its own, and a test compares the two. The PDF prints the
//! locked account as 64435, a misprint for 6435 (3335 + 3100); both are here.

/// Code, category of the page (empty where it says n/a), verdict.
pub(crate) const ERRORS: [(u32, &str, &str); 64] = [
    (3, "", "request"),
    (4, "", "request"),
    (100, "", "request"),
    (101, "", "request"),
    (102, "", "request"),
    (103, "", "request"),
    (104, "", "token"),
    (200, "", "broker"),
    (201, "", "endpoint"),
    (202, "", "broker"),
    (203, "", "broker"),
    (3001, "Priming", "broker"),
    (3002, "Priming", "app"),
    (3003, "Priming", "broker"),
    (3004, "Priming", "broker"),
    (3005, "Priming", "priming"),
    (3006, "Priming", "priming"),
    (3007, "", "priming"),
    (3360, "Connection", "endpoint"),
    (3362, "Internal", "broker"),
    (3364, "Connection", "endpoint"),
    (3616, "Connection", "endpoint"),
    (3618, "Internal", "broker"),
    (3620, "Connection", "endpoint"),
    (3872, "NetworkError", "endpoint"),
    (3874, "Internal", "broker"),
    (3876, "Connection", "endpoint"),
    (4128, "NetworkError", "endpoint"),
    (4130, "NetworkError", "endpoint"),
    (4131, "NetworkError", "endpoint"),
    (4132, "Internal", "broker"),
    (4386, "NetworkError", "endpoint"),
    (4388, "Connection", "endpoint"),
    (4640, "Connection", "endpoint"),
    (4642, "Connection", "endpoint"),
    (4644, "Internal", "broker"),
    (4645, "NetworkError", "endpoint"),
    (4896, "Connection", "endpoint"),
    (4898, "Connection", "endpoint"),
    (5152, "Connection", "endpoint"),
    (5155, "Credentials", "account"),
    (5156, "RDPLicense", "license"),
    (5408, "NetworkError", "endpoint"),
    (5410, "RDPLicense", "license"),
    (5412, "RDPLicense", "license"),
    (5666, "RDPLicense", "license"),
    (5667, "Credentials", "account"),
    (5922, "NetworkError", "endpoint"),
    (5923, "Account", "account"),
    (6178, "NetworkError", "endpoint"),
    (6179, "Account", "account"),
    (6180, "NetworkError", "endpoint"),
    (6435, "Account", "account"),
    (6691, "Account", "account"),
    (6947, "Account", "account"),
    (7715, "Account", "account"),
    (8739, "Account", "account"),
    (8995, "Account", "account"),
    (9251, "Account", "account"),
    (10019, "Connection", "certificate"),
    (10275, "Connection", "policy"),
    (11555, "Connection", "policy"),
    (11811, "Connection", "policy"),
    (64435, "Account", "account"),
];

/// Messages that are the code's own; every other code above 3100 says "failed to establish a session".
const MESSAGES: [(u32, &str); 18] = [
    (3, "Unable to parse request payload. Please check the format and try again."),
    (4, "This endpoint requires a valid JSON payload in the request body."),
    (100, "The 'ras_host' field is required but was not provided."),
    (101, "The value for 'ttl' must be between 5 and 86400."),
    (102, "The 'username' field must be at least 1 characters long."),
    (103, "The 'username' field must not exceed 260 characters."),
    (104, "The 'apikey' field is not valid."),
    (200, "Parallels client failed to start"),
    (201, "Session priming timed out"),
    (202, "Session terminated abnormally"),
    (203, "Endpoint server not available"),
    (3001, "Session failed to create event"),
    (3002, "Session priming failed to start application"),
    (3003, "Parallels Client failed to start remote application"),
    (3004, "Parallels Client received invalid data to start remote application"),
    (3005, "Session priming failed: Token signature invalid"),
    (3006, "Session priming failed: Token expired"),
    (3007, "Session priming failed: Invalid Priming Secret"),
];

/// The category of a code, empty where the page says n/a, `unknown` where the page does not list it.
pub(super) fn category(code: u32) -> &'static str {
    ERRORS.iter().find(|(c, ..)| *c == code).map_or("unknown", |(_, category, _)| category)
}

/// The verdict on a code, as in section 4, Health, of `deploy/docs/reference.md`.
pub(super) fn verdict(code: u32) -> &'static str {
    ERRORS.iter().find(|(c, ..)| *c == code).map_or("unknown", |(.., verdict)| verdict)
}

/// The class of the probed endpoint under a verdict.
pub(super) fn health(verdict: &str) -> &'static str {
    match verdict {
        "ok" => "healthy",
        "endpoint" | "broker" | "license" | "app" | "certificate" | "unreachable" => "failed",
        "priming" => "degraded",
        _ => "unknown",
    }
}

/// The name of the error and its message.
pub(super) fn text(code: u32) -> (&'static str, String) {
    let name = match code {
        3 => "BadRequest",
        100 => "MissingArgument",
        101 => "ValueOutOfRange",
        102 => "StringTooShort",
        103 => "StringTooLong",
        104 => "InvalidArgument",
        _ => "InvalidRequest",
    };
    let own = MESSAGES.iter().find(|(c, _)| *c == code);
    let message = own.map_or_else(
        || format!("Parallels Client failed to establish a session with the end point, error code: {code}"),
        |(_, message)| (*message).to_owned(),
    );
    (name, message)
}
