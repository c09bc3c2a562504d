//! The unit of systemd: `check` by root says little of what its user may read, and before its first start its secrets are nowhere.

use std::path::Path;

/// How to check as the unit runs, where this is root and there is such a unit.
#[cfg(unix)]
pub fn note(config_file: &Path) -> Option<String> {
    const FOLDERS: [&str; 3] = ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];
    let is_unit = FOLDERS.iter().any(|folder| Path::new(folder).join("rollcall.service").exists());
    // Within a unit it is the one that was asked for.
    let is_within = std::env::var_os("INVOCATION_ID").is_some();
    let is_root = rustix::process::geteuid().is_root();
    (is_root && is_unit && !is_within).then(|| text(config_file))
}

/// There is no systemd.
#[cfg(not(unix))]
pub fn note(_: &Path) -> Option<String> {
    None
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
