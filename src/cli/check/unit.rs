//! The unit of systemd: `check` by root says little of what its user may read, and before its first start its secrets are nowhere.

use std::path::Path;

/// How to check as the unit runs, where this is root and there is such a unit, and what its user will not be able to read.
#[cfg(unix)]
pub fn notes(config_file: &Path) -> Vec<String> {
    const FOLDERS: [&str; 3] = ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];
    let is_unit = FOLDERS.iter().any(|folder| Path::new(folder).join("rollcall.service").exists());
    // Within a unit it is the one that was asked for.
    let is_within = std::env::var_os("INVOCATION_ID").is_some();
    let is_root = rustix::process::geteuid().is_root();
    if !is_root || !is_unit || is_within {
        return Vec::new();
    }
    let config = std::fs::read_to_string(config_file).unwrap_or_default();
    std::iter::once(text(config_file)).chain(secrets_of_root(&config)).collect()
}

/// There is no systemd.
#[cfg(not(unix))]
pub fn notes(_: &Path) -> Vec<String> {
    Vec::new()
}

/// What only root can read, and systemd passes on under another name.
#[cfg(unix)]
const SECRETS: &str = "/etc/rollcall/secrets/";

/// A line for each file of [`SECRETS`] that the configuration names outside of comments.
#[cfg(unix)]
fn secrets_of_root(config: &str) -> impl Iterator<Item = String> {
    let named = config.lines().filter_map(|line| line.split(" #").next()?.split_once(SECRETS));
    named.filter(|(before, _)| !before.trim_start().starts_with('#')).map(|(_, rest)| {
        let ends = |c: char| c.is_whitespace() || matches!(c, '\'' | '"' | ',' | '}' | ']');
        let name = rest.split(ends).next().unwrap_or_default();
        format!(
            "{SECRETS}{name} can be read by root alone; give the service /run/credentials/rollcall.service/secret_{name}, which is \
             the same file"
        )
    })
}

/// The line, with the user, the secrets and the sandbox of the shipped unit.
#[cfg(unix)]
fn text(config_file: &Path) -> String {
    let file = std::path::absolute(config_file).unwrap_or_else(|_| config_file.to_owned());
    let program = std::env::current_exe().unwrap_or_else(|_| "/usr/local/bin/rollcall".into());
    format!(
        "you are root, and the service is not; this checks as the service does, also before its first start: systemd-run --pipe \
         --wait --collect --quiet {PROPERTIES} {} check {}",
        program.display(),
        file.display()
    )
}

/// What of the unit decides what can be read and written.
#[cfg(unix)]
const PROPERTIES: &str = "-p User=rollcall -p DynamicUser=yes -p StateDirectory=rollcall -p StateDirectoryMode=0700 -p UMask=0077 \
                          -p LoadCredential=secret:/etc/rollcall/secrets -p CapabilityBoundingSet= -p PrivateUsers=yes -p ProtectHome=yes";

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const GUIDE: &str = include_str!("../../../deploy/systemd/README.md");
    const UNIT: &str = include_str!("../../../deploy/systemd/rollcall.service");

    #[test]
    fn a_secret_that_only_root_reads_is_told_with_what_the_service_reads() {
        let config = "# password_file: /etc/rollcall/secrets/old
            auth: { username: u, password_file: '/etc/rollcall/secrets/ras' } # or /etc/rollcall/secrets/other
            api_token_file: /run/credentials/rollcall.service/secret_mc";
        let notes: Vec<String> = secrets_of_root(config).collect();
        assert_eq!(
            notes,
            [
                "/etc/rollcall/secrets/ras can be read by root alone; give the service /run/credentials/rollcall.service/secret_ras, \
                 which is the same file"
            ]
        );
    }

    #[test]
    fn the_line_is_that_of_the_guide_and_its_properties_are_those_of_the_unit() {
        let text = text(Path::new("/etc/rollcall/rollcall.yml"));
        assert!(text.contains("systemd-run") && text.ends_with(" check /etc/rollcall/rollcall.yml"), "{text}");
        assert!(GUIDE.contains(PROPERTIES), "{PROPERTIES}");
        for property in PROPERTIES.split("-p ").map(str::trim).filter(|property| !property.is_empty()) {
            // A unit that is called rollcall has that user by itself.
            let is_user = property == "User=rollcall";
            assert!(is_user || UNIT.lines().any(|line| line == property), "{property}");
        }
    }
}
