//! What stands in a secret file, and what comes of it.

use super::*;
use crate::config::Config;

/// What a file of these bytes gives, with `FILE` for its path.
fn read(bytes: &[u8]) -> Result<String, String> {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let path = folder.path().join("secret");
    std::fs::write(&path, bytes).expect("a folder of ours");
    let secret = Secret::File(path.clone()).read();
    secret.map(|text| text.expose().to_owned()).map_err(|failure| {
        assert_eq!(failure.reason, Reason::Auth);
        failure.message.replace(&path.display().to_string(), "FILE")
    })
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

#[test]
fn marks_of_editors_and_white_space_around_a_secret_are_no_part_of_it() {
    let secret = "Kenn wört 🔑";
    for text in [secret.to_owned(), format!("{secret}\n"), format!("{secret}\r\n\r\n"), format!(" \t{secret} ")] {
        let marked = format!("\u{feff}{text}");
        for bytes in [
            text.clone().into_bytes(),
            marked.clone().into_bytes(),
            format!("\u{feff}{marked}").into_bytes(),
            utf16(&marked, u16::to_le_bytes),
            utf16(&marked, u16::to_be_bytes),
        ] {
            assert_eq!(read(&bytes).as_deref(), Ok(secret), "{bytes:x?}");
        }
    }
}

#[test]
fn what_no_secret_has_is_told_by_name_and_place() {
    let nul = "a NUL character (U+0000), as UTF-16 without a byte order mark has them: save it as UTF-8; it is";
    let lines = "more than one line, where only the secret may be; the first ends";
    for (bytes, expected) in [
        (utf16("pw\r\n", u16::to_le_bytes), format!("{nul} at byte 2 (line 1)")),
        (utf16("pw", u16::to_be_bytes), format!("{nul} at byte 1 (line 1)")),
        (utf16("\u{feff}p\0w", u16::to_le_bytes), format!("{nul} at byte 5 (line 1)")),
        (b"\n\nonce\nupon".to_vec(), format!("{lines} at byte 7 (line 3)")),
        (b"a\r\nb".to_vec(), format!("{lines} at byte 2 (line 1)")),
        (
            b"p\x1bw".to_vec(),
            "a control character (U+001B) amid the secret: take it out; it is at byte 2 (line 1)".to_owned(),
        ),
        (
            "p\u{85}w".into(),
            "a control character (U+0085) amid the secret: take it out; it is at byte 2 (line 1)".to_owned(),
        ),
        (
            "ü\u{feff}w".into(),
            "a byte order mark (U+FEFF) amid the secret: take it out; it is at byte 3 (line 1)".to_owned(),
        ),
        (b"pw\xe9".to_vec(), "it is not UTF-8 from byte 3 on; save it as UTF-8".to_owned()),
        (b"\xff\xfe\0\0p\0\0\0".to_vec(), "it is in UTF-32 from byte 1 on; save it as UTF-8".to_owned()),
        (b"\xff\xfep\0w".to_vec(), "it has a mark of UTF-16 and is none from byte 5 on; save it as UTF-8".to_owned()),
    ] {
        assert_eq!(read(&bytes), Err(format!("secret file FILE: {expected}")), "{bytes:x?}");
    }
    for bytes in [&b""[..], b" \n", "\u{feff}".as_bytes(), b"\xff\xfe", b"\xff\xfe\r\0\n\0"] {
        assert_eq!(read(bytes), Err("secret file FILE is empty; write the secret into it".to_owned()), "{bytes:x?}");
    }
}

#[test]
fn check_says_so_and_a_secret_in_the_configuration_is_looked_at_too() {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let path = folder.path().join("rollcall.yml");
    let file = folder.path().join("ras");
    std::fs::write(&file, b"p\0w").expect("a folder of ours");
    let target = |auth: &str| {
        let yaml = format!(
            "targets: [{{ name: t, vendor: parallels_ras, url: 'https://a', auth: {{ username: u, {auth} }} }}]"
        );
        std::fs::write(&path, yaml).expect("a folder of ours");
    };
    target("password_file: ras");
    let errors = Config::check(&path).expect_err("a NUL in the file").to_string();
    let expected = format!("targets[0].auth.password_file: secret file {}: a NUL character (U+0000)", file.display());
    assert!(errors.contains(&expected) && errors.ends_with("at byte 2 (line 1)"), "{errors}");
    let config = Config::load(&path).expect("it may be mended while the daemon runs");
    assert_eq!(config.warnings, [errors.as_str()]);
    for (auth, expected) in [
        (r#"password: "p\0w""#, "has a NUL character (U+0000)"),
        (r#"password: "pw\n""#, "has more than one line, where only the secret may be; the first ends at character 3"),
        (r#"password: "p\tw""#, "has a control character (U+0009) amid the secret: take it out; it is at character 2"),
    ] {
        target(auth);
        let errors = Config::load(&path).expect_err(auth).to_string();
        assert!(errors.contains(&format!("targets[0].auth.password: {expected}")), "{errors}");
        assert!(!errors.contains("pw"), "{errors}");
    }
    std::fs::write(&path, b"\xef\xbb\xbftargets: []").expect("a folder of ours");
    Config::check(&path).expect("the mark is dropped");
    std::fs::write(&path, utf16("\u{feff}targets: []", u16::to_le_bytes)).expect("a folder of ours");
    assert!(Config::check(&path).expect_err("UTF-16").to_string().ends_with("the file is in UTF-16; save it as UTF-8"));
    std::fs::write(&path, utf16("# a\ntargets: []", u16::to_be_bytes)).expect("a folder of ours");
    let errors = Config::check(&path).expect_err("UTF-16 without a mark").to_string();
    assert!(errors.contains("rollcall.yml:1:1: the file has NUL characters, as UTF-16 without"), "{errors}");
}
