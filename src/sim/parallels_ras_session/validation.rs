//! The checks of the request body, parameter by parameter, as the table in the vendor's PDF gives them.

use serde_json::{Map, Value, json};

/// What a parameter must be.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Length in characters.
    Text(usize, usize),
    /// Range.
    Int(i64, i64),
    Bool,
    /// The table says string, its samples show an object.
    Policy,
}
use Kind::{Bool, Int, Policy, Text};

/// Name, whether it is required, what it must be. `reconnectionttl` has 5 in the validation column and 30 in the text:
/// a client that keeps to both sends no less than 30. `prime_session` goes up to 4 in the table; the sample of an error
/// that says 2 is older.
const PARAMETERS: [(&str, bool, Kind); 23] = [
    ("connectionname", true, Text(1, 260)),
    ("ras_host", true, Text(1, 260)),
    ("ras_port", false, Int(1, 65_535)),
    ("endpoint_host", true, Text(1, 260)),
    ("endpoint_port", false, Int(1, 65_535)),
    ("ras_portal_url", true, Text(1, 2_000)),
    ("endsession_url", false, Text(0, 4_096)),
    ("parallelsclient_use_endsession_url", false, Bool),
    ("refreshpage_url", false, Text(0, 4_096)),
    ("username", true, Text(1, 260)),
    ("password", true, Text(1, 2_000)),
    ("app_mode", false, Bool),
    ("app_name", false, Text(0, 260)),
    ("app_dir", false, Text(0, 260)),
    ("app_params", false, Text(0, 1_024)),
    ("app_wintype", false, Int(0, 2)),
    ("ras_urlschemaredir", false, Bool),
    ("prime_session", false, Int(0, 4)),
    ("prime_secret", false, Text(0, 260)),
    ("timeout", false, Int(0, 1_800)),
    ("ttl", false, Int(5, 86_400)),
    ("reconnectionttl", false, Int(30, 86_400)),
    ("detectproxy", false, Bool),
];
/// Those that the table lists after `detectproxy`, and `app_path`, which depends on `app_mode`.
const FURTHER: [(&str, Kind); 3] = [("detectproxyurl", Text(0, 4_096)), ("policy", Policy), ("app_path", Text(1, 260))];

/// One error of the body, as it is answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Invalid {
    pub(super) code: u32,
    pub(super) message: String,
    pub(super) parameter: &'static str,
}

impl Invalid {
    pub(super) fn json(&self, error: &str) -> Value {
        json!({ "error": error, "message": self.message, "parameter": self.parameter, "code": self.code })
    }
}

/// What is wrong with the body: every missing argument at once, else the first other error. The error is `None` where a
/// value has another type than the table says, which the API answers like a body that it cannot parse.
pub(super) fn check(body: &Map<String, Value>) -> Result<(), Option<Vec<Invalid>>> {
    // "Default is Yes": a body that does not mention app_mode needs an application.
    let app_mode = body.get("app_mode").is_none_or(|v| v == true);
    let required = PARAMETERS.iter().filter(|(_, required, _)| *required);
    let missing: Vec<Invalid> = required
        .map(|(name, ..)| *name)
        .chain(app_mode.then_some("app_path"))
        .filter(|name| body.get(*name).is_none_or(Value::is_null))
        .map(|parameter| Invalid {
            code: 100,
            message: format!("The '{parameter}' field is required but was not provided."),
            parameter,
        })
        .collect();
    if !missing.is_empty() {
        return Err(Some(missing));
    }
    let all = PARAMETERS.iter().map(|(name, _, kind)| (*name, *kind));
    for (name, kind) in all.chain(FURTHER) {
        let Some(value) = body.get(name) else {
            continue;
        };
        // Without an application the path may be empty.
        if name == "app_path" && !app_mode && value == "" {
            continue;
        }
        check_value(name, kind, value)?;
    }
    Ok(())
}

fn check_value(parameter: &'static str, kind: Kind, value: &Value) -> Result<(), Option<Vec<Invalid>>> {
    let invalid = |code, message| Err(Some(vec![Invalid { code, message, parameter }]));
    match (kind, value) {
        (Text(min, max), Value::String(text)) => match text.chars().count() {
            length if length < min => {
                invalid(102, format!("The '{parameter}' field must be at least {min} characters long."))
            }
            length if length > max => {
                invalid(103, format!("The '{parameter}' field must not exceed {max} characters."))
            }
            _ => Ok(()),
        },
        (Int(min, max), Value::Number(number)) => match number.as_i64() {
            Some(number) if (min..=max).contains(&number) => Ok(()),
            Some(_) => invalid(101, format!("The value for '{parameter}' must be between {min} and {max}.")),
            None => Err(None),
        },
        (Bool, Value::Bool(_)) | (Policy, Value::Object(_) | Value::String(_)) => Ok(()),
        _ => Err(None),
    }
}
