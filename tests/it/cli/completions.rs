//! `rollcall completions` and `rollcall man`: scripts that shells take, and pages, with every command and every option of the
//! help and nothing that it hides.

use std::{collections::BTreeSet, path::Path, process::Command};

use super::COMMANDS;
use crate::{
    program::{Ended, rollcall},
    support::Folder,
};

const HIDDEN: [&str; 5] = ["healthcheck", "time-scale", "clock", "resilio-clients", "rollcall-man"];

/// The long options in the help of a command.
fn options(command: &str) -> BTreeSet<String> {
    let help = rollcall(&[command, "--help"]).expect(0).out;
    // An option begins its line; in the middle of one it is talked about.
    let options = help.lines().filter_map(|line| {
        let line = line.trim_start();
        let option = line.strip_prefix("-h, ").unwrap_or(line).strip_prefix("--")?;
        Some(option.split([' ', ',']).next()?.trim_end_matches('.').to_owned())
    });
    options.collect()
}

/// Fails where a text lacks a command or an option, or has what the help hides.
#[track_caller]
fn is_complete(what: &str, text: &str, commands: &[&str]) {
    for command in commands {
        assert!(text.contains(command), "{what} lacks {command}");
        for option in options(command) {
            assert!(text.contains(&option), "{what} lacks --{option} of {command}");
        }
    }
    for hidden in HIDDEN {
        assert!(!text.contains(hidden), "{what} has {hidden}");
    }
}

#[test]
fn every_completion_is_taken_by_its_shell_and_names_every_command_and_option() {
    let folder = Folder::new();
    assert!(options("serve").contains("web.listen-address") && options("demo").contains("incident"));
    for (shell, program, arguments) in [
        ("bash", "bash", &["-n"][..]),
        ("zsh", "zsh", &["-n"]),
        ("fish", "fish", &["--no-execute"]),
        ("powershell", "pwsh", &["-NoProfile", "-File"]),
    ] {
        let script = rollcall(&["completions", shell]).expect(0).out;
        is_complete(shell, &script, &COMMANDS);
        let file = folder.write(&format!("{shell}.ps1"), &script);
        // Bash is there wherever these tests are; the others are asked where they are installed.
        match Command::new(program).args(arguments).arg(&file).output() {
            Ok(output) => assert_eq!(Ended::of(output).expect(0).err, "", "{shell}"),
            Err(error) => assert!(shell != "bash" && error.kind() == std::io::ErrorKind::NotFound, "{shell}: {error}"),
        }
    }
}

/// What a shell does with the script, not only whether it can read it.
#[test]
fn bash_completes_commands_options_and_values() {
    let folder = Folder::new();
    let script = folder.write("rollcall.bash", &rollcall(&["completions", "bash"]).expect(0).out);
    let complete = |words: &[&str]| {
        let list = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
        let (last, before) = (words[words.len() - 1], words[words.len() - 2]);
        let asked = format!(
            "source {}; COMP_WORDS=({list}); COMP_CWORD={}; _rollcall rollcall '{last}' '{before}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            script.display(),
            words.len() - 1
        );
        let output = Command::new("bash").args(["--norc", "-c", &asked]).output().expect("there is a bash");
        Ended::of(output).expect(0).out.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(complete(&["rollcall", "pro"]), ["probe"]);
    assert_eq!(complete(&["rollcall", "check", "--conn"]), ["--connect"]);
    assert_eq!(complete(&["rollcall", "serve", "--log.format", "js"]), ["json"]);
}

#[test]
fn every_command_has_a_man_page_with_all_of_its_options() {
    let folder = Folder::new();
    let out = folder.file("man");
    rollcall(&["man", "--out", out.to_str().expect("a plain name"), "--date", "2026-01-31"]).expect(0);
    let page = |name: &str| {
        let text = std::fs::read_to_string(out.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        text.replace("\\-", "-")
    };
    let main = page("rollcall.1");
    for command in COMMANDS {
        assert!(main.contains(&format!("rollcall-{command}(1)")), "{command} in\n{main}");
        let own = page(&format!("rollcall-{command}.1"));
        assert!(own.contains("2026-01-31") && own.contains(env!("CARGO_PKG_VERSION")), "{own}");
        is_complete(command, &own, &[command]);
    }
    let pages = std::fs::read_dir(Path::new(&out)).expect("they were written").count();
    assert_eq!(pages, COMMANDS.len() + 1, "none for what is hidden");
}
