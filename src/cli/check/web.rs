//! The web configuration in `rollcall check`.

use std::path::Path;

use crate::{
    cli::{counted, output},
    config::web::WebConfig,
};

/// Says everything that is wrong with it, or what it asks for.
pub fn check(file: &Path) -> Result<(), String> {
    let config = WebConfig::load(file).0.map_err(|errors| errors.to_string())?;
    for warning in &config.warnings {
        output::note(format_args!("warning: {warning}"));
    }
    let tls = if config.tls.is_some() { "TLS" } else { "no TLS" };
    let users = match config.users.len() {
        0 => "no users".to_owned(),
        number => counted(number, "user"),
    };
    output::print(format!("{}: {tls}, {users}, no errors\n", file.display()));
    Ok(())
}
