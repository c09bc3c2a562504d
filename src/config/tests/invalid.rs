//! Every fixture in `fixtures/invalid` ends with the exact errors that it gives, as lines that begin with `#!`.

use std::{fs, path::PathBuf};

use super::*;

fn fixtures() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/fixtures/invalid");
    let entries = fs::read_dir(directory).expect("the fixtures are there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("the fixtures can be listed").path()).collect();
    paths.sort();
    assert!(paths.len() >= 15, "fixtures are missing");
    paths
}

/// The errors of a text, with the temporary directory as `DIR` and the list of vendors as `VENDORS`.
fn errors(text: &str) -> String {
    let directory = directory();
    write(directory.path(), "not.pem", "canary-of-a-file\n");
    write(
        directory.path(),
        "targets.d/good.yml",
        "targets:\n- {name: twin, vendor: resilio, url: http://127.0.0.1:1}\n",
    );
    write(directory.path(), "targets.d/worse.yml", "target: []\ntargets:\n- {name: twin, vendor: resilio}\n");
    let errors = parse(text, directory.path()).expect_err("the fixture is not valid").to_string();
    let vendors: Vec<&str> = crate::vendors::Vendor::ALL.iter().map(|vendor| vendor.as_str()).collect();
    errors.replace(&directory.path().display().to_string(), "DIR").replace(&vendors.join(", "), "VENDORS")
}

#[test]
fn every_error_is_told_with_its_place() {
    let mut wrong = String::new();
    for path in fixtures() {
        let text = fs::read_to_string(&path).expect("a fixture can be read");
        let expected: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("#! ")).collect();
        let errors = errors(&text);
        if errors.lines().collect::<Vec<_>>() != expected {
            wrong.push_str(&format!("{}\n#! {}\n", path.display(), errors.replace('\n', "\n#! ")));
        }
    }
    assert!(wrong.is_empty(), "these fixtures give:\n{wrong}");
}

#[test]
fn no_error_quotes_a_secret() {
    for path in fixtures() {
        let errors = errors(&fs::read_to_string(&path).expect("a fixture can be read"));
        assert!(!errors.contains("canary"), "{}: {errors}", path.display());
    }
    // A slip anywhere in a file full of secrets: characters that YAML gives a meaning, before a secret and within.
    let text = include_str!("../fixtures/everything.yml");
    let slips = [
        "*", "!", "&", "@", "[", "{", "}", "\"", "'", ",", ", ", ": ", "a: ", "\n", "\t", " #", "|", "%", "? ", "<<: ",
    ];
    for (position, _) in text.match_indices("canary") {
        for (slip, position) in slips.iter().flat_map(|slip| [(slip, position), (slip, position + 1)]) {
            let broken = format!("{}{slip}{}", &text[..position], &text[position..]);
            if let Err(errors) = parse(&broken, Path::new("")) {
                let errors = errors.to_string();
                assert!(!errors.contains("anary"), "{slip:?} in {}: {errors}", &text[position..position + 20]);
            }
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[a-c&*!<:,{}\\[\\]\\-#|>%?'\" \n\t~0]{0,60}") {
        let _ = parse(&text, Path::new(""));
        let _ = parse(&format!("targets:\n  - {{ name: {text} }}\n"), Path::new(""));
    }
}

#[test]
fn an_empty_file_is_told() {
    for text in ["", "# nothing yet\n", "\u{feff}", "---\n"] {
        let expected = "rollcall.yml:1:1: the file is empty; `rollcall default-config` prints a complete one";
        assert_eq!(errors(text), expected);
    }
    assert_eq!(errors("- a\n"), "rollcall.yml:1:1: must be a mapping, not a list");
}

#[test]
fn a_file_that_is_not_there_is_told() {
    let errors = Config::load(Path::new("no/such.yml")).expect_err("there is no such file");
    let expected = "no/such.yml:1:1: cannot be read: No such file or directory (os error 2); \
                    `rollcall default-config > no/such.yml` makes one to fill in";
    assert_eq!(errors.to_string(), expected);
}

#[test]
fn the_text_of_a_file_in_the_place_of_its_name_is_told_and_not_shown() {
    let directory = directory();
    let pem = "-----BEGIN PRIVATE KEY-----\\ncanary-of-a-key\\n-----END PRIVATE KEY-----\\n";
    let target = "vendor: resilio, url: https://filer.example.com";
    for settings in [
        format!("http: {{ tls: {{ ca_file: \"{pem}\" }} }}"),
        format!("auth: {{ password_file: \"{pem}\", username: u }}"),
    ] {
        let text = format!("targets: [{{ name: filer, {target}, {settings} }}]");
        let errors = parse(&text, directory.path()).expect_err("it is not valid").to_string();
        assert!(errors.contains("must be the name of a file") && !errors.contains("canary"), "{errors}");
    }
}

/// Else its targets are gone from the configuration, and the pages about them end.
#[test]
fn a_target_file_that_is_not_there_or_has_no_list_is_told() {
    let directory = directory();
    let folder = directory.path();
    let told = |glob: &str| {
        let errors = parse(&format!("target_files: ['{glob}']\n"), folder).expect_err("it is not valid").to_string();
        errors.replace(&folder.display().to_string(), "DIR")
    };
    let empty =
        "the file is empty; write `targets: []` where it has none, or take it out of target_files (rollcall.yml:1:16)";
    for text in ["", "# - { name: filer }\n", "---\n", "~\n"] {
        write(folder, "a/empty.yml", text);
        for glob in ["a/empty.yml", "a/*.yml", "*/empty.yml"] {
            assert_eq!(told(glob), format!("DIR/a/empty.yml:1:1: {empty}"), "{text:?}");
        }
    }
    write(folder, "b/key.yml", "{}\n");
    assert_eq!(told("b/*"), "DIR/b/key.yml:1:1: targets: is missing");
    write(folder, "b/key.yml", "targets:\n  # - { name: filer }\n");
    assert_eq!(told("b/*"), "DIR/b/key.yml:1:1: targets: has no value");
    assert_eq!(told("a"), "rollcall.yml:1:16: target_files[0]: DIR/a is a directory; name its files: DIR/a/*.yml");
    let no_match = "rollcall.yml:1:16: target_files[0]: matches no file; put one there (`targets: []` is enough), or take the \
                    glob out of target_files";
    for glob in ["none/*.yml", "a/*.yaml", "*/none.yml", "a/*.yml/*.yml"] {
        assert_eq!(told(glob), no_match, "{glob}");
    }
}

/// As in the middle of the swap of a Kubernetes ConfigMap, whose files are links into a directory that changes.
#[cfg(unix)]
#[test]
fn a_target_file_that_is_a_link_to_nothing_is_told() {
    let directory = directory();
    let folder = directory.path();
    let link = |to: &str, from: &str| {
        std::os::unix::fs::symlink(to, folder.join(from)).expect("links can be made");
    };
    write(folder, "c/good.yml", "targets: []\n");
    link("..data/filer.yml", "c/filer.yml");
    let told = |glob: &str| {
        let errors = parse(&format!("target_files: ['{glob}']\n"), folder).expect_err("it is not valid").to_string();
        errors.replace(&folder.display().to_string(), "DIR")
    };
    let dangling = "rollcall.yml:1:16: target_files[0]: DIR/c/filer.yml is a link to ..data/filer.yml, which is not there; mend \
                    it, or take it out of target_files";
    for glob in ["c/filer.yml", "c/*.yml", "*/filer.yml"] {
        assert_eq!(told(glob), dangling, "{glob}");
    }
    link("gone", "d");
    assert!(told("?/*.yml").contains("DIR/d is a link to gone, which is not there"), "{}", told("?/*.yml"));
}
