//! What is valid and yet worth a warning.

use super::*;

#[test]
fn check_warns_of_a_state_file_that_cannot_be_written() {
    let directory = directory();
    let path = directory.path().join("rollcall.yml");
    let target = "targets: [{ name: a, vendor: resilio, url: 'http://127.0.0.1:1' }]\n";
    let check = |state_file: &str| {
        write(directory.path(), "rollcall.yml", &format!("state_file: {state_file}\n{target}"));
        let warnings = Config::check(&path).expect("it is a warning").warnings;
        assert!(Config::load(&path).expect("it is valid").warnings.is_empty());
        warnings.join("\n").replace(&directory.path().display().to_string(), "DIR")
    };
    assert_eq!(check("rollcall.state"), "");
    let lost = "log-on holds and alerts will not survive a restart";
    for (state_file, problem) in [
        (
            "no/rollcall.state",
            format!("cannot write DIR/no/rollcall.state: No such file or directory (os error 2); {lost}"),
        ),
        ("secrets", "DIR/secrets is a folder; a file is wanted".to_owned()),
    ] {
        assert_eq!(check(state_file), format!("DIR/rollcall.yml:1:13: state_file: {problem}"));
    }
    let left = std::fs::read_dir(directory.path()).expect("it is there").count();
    assert_eq!(left, 2, "only the configuration and the secrets");
}

#[test]
fn a_pin_proves_nothing_over_plain_http() {
    let warnings = |url: &str| {
        let pin = "a".repeat(64);
        let text = format!(
            "targets: [{{ name: a, vendor: resilio, url: '{url}', http: {{ tls: {{ pin_sha256: {pin} }} }} }}]"
        );
        parse(&text, Path::new("")).expect("the text is a configuration").warnings
    };
    let expected = "rollcall.yml:1:44: targets[0].url: is plain http, where http.tls.pin_sha256 has no effect: nothing proves who answers";
    assert_eq!(warnings("http://127.0.0.1:1"), [expected]);
    assert_eq!(warnings("https://127.0.0.1:1"), [""; 0]);
}

#[test]
fn what_is_valid_and_yet_doubtful_is_a_warning() {
    let text = "targets:
  - name: a
    vendor: resilio
    url: https://127.0.0.1:1
    auth: { bearer_token: '${TOKEN}' }
    http: { tls: { insecure_skip_verify: true } }
  - name: b
    vendor: azure_devops
    url: https://dev.azure.com/contoso
    auth: { pat: x }
    pools: { include: [] }
alerting:
  overrides:
    - { alert: RollcallPoolDown }
";
    let warnings = parse(text, Path::new("")).expect("the text is a configuration").warnings;
    let expected = [
        "rollcall.yml:5:27: targets[0].auth.bearer_token: is taken as it stands: variables are not expanded; a file can be given as the twin setting",
        "rollcall.yml:6:42: targets[0].http.tls.insecure_skip_verify: whoever is on the way can read and change everything, credentials too; ca_file and pin_sha256 are the safe ways",
        "rollcall.yml:11:23: targets[1].pools.include: includes no pool, so nothing will be polled",
        "rollcall.yml:14:7: alerting.overrides[0]: changes nothing; give for, keep_firing_for, threshold or enabled",
    ];
    assert_eq!(warnings, expected);
    let warnings = parse("targets: []\n", Path::new("")).expect("the text is a configuration").warnings;
    assert_eq!(warnings, ["rollcall.yml:1:1: targets: there is no target, so nothing will be polled"]);
}

#[test]
fn an_address_that_is_hardly_that_of_a_store_is_a_warning() {
    let target = |name: &str, url: &str| {
        format!(
            "  - {{ name: {name}, vendor: citrix_storefront, url: '{url}', auth: {{ username: u, password: p }} }}\n"
        )
    };
    let text = format!(
        "targets:\n{}{}{}",
        target("a", "https://storefront.example.com"),
        target("b", "https://storefront.example.com/Citrix/StoreWeb/"),
        target("c", "https://storefront.example.com/Citrix/Store")
    );
    let warnings = parse(&text, Path::new("")).expect("the text is a configuration").warnings;
    let wanted = "the address of the store is wanted, as in https://storefront.example.com/Citrix/Store";
    let expected = [
        format!("rollcall.yml:2:48: targets[0].url: has no path; {wanted}"),
        format!("rollcall.yml:3:48: targets[1].url: looks like the web site for browsers; {wanted}"),
    ];
    assert_eq!(warnings, expected);
}

#[test]
fn an_override_that_is_about_no_configured_target_is_a_warning() {
    let text = "targets:
  - { name: filer-07, vendor: resilio, url: 'http://127.0.0.1:1' }
  - { name: builds, vendor: azure_devops, url: 'https://dev.azure.com/contoso', auth: { pat: x } }
alerting:
  overrides:
    - { alert: RollcallPoolDown, target: 'filer-*', for: 1h }
    - { alert: RollcallPoolDown, target: 'fielr-*', for: 1h }
    - { alert: RollcallPoolDown, vendor: 'citrix*', for: 1h }
    - { alert: RollcallPoolDown, vendor: resilio, target: builds, for: 1h }
";
    let warnings = parse(text, Path::new("")).expect("the text is a configuration").warnings;
    let expected = [
        "rollcall.yml:7:42: alerting.overrides[1].target: matches no configured target",
        "rollcall.yml:8:42: alerting.overrides[2].vendor: matches the vendor of no configured target",
        "rollcall.yml:9:59: alerting.overrides[3].target: matches no configured target of this vendor",
    ];
    assert_eq!(warnings, expected);
}
