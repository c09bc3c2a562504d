//! What is read, and with which defaults.

use super::{super::read::Context, *};
use crate::{
    config::{
        secret::{Secret, SecretText},
        target::{AzureAuth, CitrixMethod, ProbeMode, ProxyAuth},
    },
    health::Health,
};

/// The one target of a text.
fn target(text: &str) -> Target {
    let directory = directory();
    let config = parse(text, directory.path()).expect("the text is a configuration");
    assert_eq!(config.warnings, Vec::<String>::new());
    Target::clone(&config.targets[0])
}

fn inline(text: &str) -> Secret {
    Secret::Inline(SecretText::new(text))
}

#[test]
fn what_a_target_may_bring_is_bounded() {
    let config = |head: &str| {
        let text = format!(
            "{head}\ntargets:\n- {{ name: f, vendor: resilio, url: 'http://127.0.0.1:1' }}\n\
             - {{ name: b, vendor: azure_devops, url: 'https://dev.azure.com/c', auth: {{ pat: x }} }}"
        );
        parse(&text, Path::new("")).expect("it is valid")
    };
    let series = |config: &Config| [0, 1].map(|index| config.targets[index].max_series);
    let usual = config("");
    assert_eq!((series(&usual), usual.shared_http.max_buffered), ([100_000, 1_000_000], 256 << 20));
    let given = config("defaults: { max_series: 77 }\nhttp: { max_buffered: 1GiB }");
    assert_eq!((series(&given), given.shared_http.max_buffered), ([77, 77], 1 << 30));
    let small = config("http: { max_buffered: 8MiB }");
    assert!(
        small.warnings[0].contains("f may be as long as 64MiB, and http.max_buffered is 8MiB"),
        "{:?}",
        small.warnings
    );
    let inside = "targets: [{ name: f, vendor: resilio, url: 'http://127.0.0.1:1', http: { max_buffered: 1GiB } }]";
    let errors = parse(inside, Path::new("")).expect_err("it is for all together").to_string();
    assert!(errors.contains("targets[0].http.max_buffered: unknown key"), "{errors}");
}

#[test]
fn every_vendor_is_in_the_complete_configuration() {
    for vendor in crate::vendors::Vendor::ALL {
        let line = format!("    vendor: {}\n", vendor.as_str());
        assert_eq!(default_yaml().matches(&line).count(), 1, "vendor/{}.yml has a target", vendor.as_str());
    }
}

#[test]
fn parallels_ras_has_its_defaults() {
    let target = target(include_str!("../fixtures/parallels_ras.yml"));
    assert_eq!((target.name.as_str(), target.vendor()), ("hq-farm", "parallels_ras"));
    assert_eq!(target.url.as_str(), "https://ras.example.com:20443/");
    assert_eq!((target.interval, target.timeout), (Duration::from_secs(60), Duration::from_secs(20)));
    assert_eq!(target.stale_after, Duration::from_secs(300));
    assert_eq!((target.max_response_size, target.max_agents), (64 << 20, 200_000));
    assert_eq!(target.labels, [("site".to_owned(), "zrh".to_owned())]);
    assert_eq!(target.health("RDSHost@1", &["NotVerified", "-4"], Health::Failed), Health::Disabled);
    assert_eq!(target.health("PA@1", &["NotVerified", "-4"], Health::Failed), Health::Failed);
    assert!(target.expect[0].pool.matches("RDSHost@1") && target.expect[0].min_serving == 10);
    let VendorSettings::ParallelsRas(ras) = &target.settings else { panic!("the vendor is Parallels RAS") };
    assert_eq!((ras.auth.username.as_str(), &ras.auth.password), ("1234", &inline("0123")));
    assert_eq!((ras.site_ids.as_slice(), ras.resolve_names), ([1, 2].as_slice(), true));
    assert_eq!(ras.power_managed, ["VDIHost", "Guest"]);
    assert_eq!((ras.load, ras.license, ras.host_pools), (true, true, false));
}

#[test]
fn a_deep_session_probe_has_time_for_its_priming() {
    let target = target(include_str!("../fixtures/parallels_ras_session.yml"));
    assert_eq!((target.interval, target.timeout), (Duration::from_secs(900), Duration::from_secs(105)));
    assert_eq!(target.stale_after, Duration::from_secs(2700));
    let VendorSettings::ParallelsRasSession(probe) = &target.settings else {
        panic!("the vendor is the session probe")
    };
    assert_eq!(probe.mode, ProbeMode::Deep);
    assert_eq!((probe.session.ras_port, probe.session.endpoint_port), (443, 3389));
    assert_eq!((probe.session.app.path.as_str(), probe.session.app.params.as_str()), ("calc.exe", ""));
    assert_eq!(probe.session.portal_url, "https://portal.example.com/?site=1");
}

#[test]
fn resilio_needs_no_credentials() {
    let target = target(include_str!("../fixtures/resilio.yml"));
    let VendorSettings::Resilio(resilio) = &target.settings else { panic!("the vendor is Resilio") };
    assert_eq!((resilio.auth.as_ref(), resilio.tags), (None, true));
}

#[test]
fn azure_devops_takes_an_application_of_entra() {
    let target = target(include_str!("../fixtures/azure_devops.yml"));
    assert_eq!(target.url.path(), "/tfs/DefaultCollection");
    assert_eq!(target.timeout, Duration::from_secs(45));
    let VendorSettings::AzureDevOps(azure) = &target.settings else { panic!("the vendor is Azure DevOps") };
    let AzureAuth::Entra { tenant_id, client_secret, authority, .. } = &azure.auth else { panic!("it is Entra") };
    assert_eq!((tenant_id.as_str(), client_secret), ("contoso", &inline("0x1F")));
    assert_eq!(authority.as_str(), "https://login.microsoftonline.com/");
    assert!(azure.pools.include.matches("any pool") && azure.pools.exclude.matches("old-1"));
    assert_eq!((azure.include_hosted, azure.job_requests), (false, true));
}

#[test]
fn citrix_storefront_keeps_the_domain_of_its_account() {
    let target = target(include_str!("../fixtures/citrix_storefront.yml"));
    assert_eq!(target.timeout, Duration::from_secs(60));
    let VendorSettings::CitrixStorefront(citrix) = &target.settings else { panic!("the vendor is StoreFront") };
    assert_eq!(
        (citrix.auth.login.username.as_str(), citrix.auth.method),
        (r"CORP\svc-rollcall", CitrixMethod::HttpBasic)
    );
    assert_eq!(citrix.enumerate_interval, Duration::from_secs(600));
    assert_eq!(citrix.allowed_hosts, ["sso.example.com"]);
}

#[test]
fn alerting_and_outbound_settings_are_read_and_handed_down() {
    let text = include_str!("../fixtures/everything.yml");
    let directory = directory();
    let config = parse(text, directory.path()).expect("the text is a configuration");
    let manager = &config.alerting.alertmanagers[0];
    assert_eq!(config.alerting.mode, AlertingMode::Direct);
    assert_eq!(manager.auth, Some(ProxyAuth::Bearer(inline("canary-bearer"))));
    assert_eq!((&manager.http.proxy, manager.http.headers.len()), (&Proxy::None, 1));
    let change = &config.alerting.overrides[0];
    assert_eq!((change.severity.as_deref(), change.threshold, change.enabled), (Some("critical"), Some(0.8), None));
    assert_eq!((change.r#for, change.keep_firing_for), (Some(Duration::from_secs(600)), Some(Duration::ZERO)));
    // The second target has no `http:` of its own, the first one overrides a part.
    assert_eq!(config.targets[1].http.headers.len(), 1);
    assert!(config.targets[0].http.headers.is_empty() && config.targets[0].http.proxy == config.targets[1].http.proxy);
    assert_eq!(config.targets[0].timeout, Duration::from_secs(30));
}

#[test]
fn the_printed_configuration_is_read_back_as_the_same() {
    let directory = directory();
    let config = parse(default_yaml(), directory.path()).expect("the annotated configuration is valid");
    let printed = config.to_yaml();
    let again = parse(&printed, directory.path()).unwrap_or_else(|errors| panic!("{errors}\n{printed}"));
    assert_eq!(config, again);
}

#[test]
fn nothing_secret_is_printed() {
    let directory = directory();
    let config =
        parse(include_str!("../fixtures/everything.yml"), directory.path()).expect("the text is a configuration");
    for printed in [config.to_yaml(), format!("{config:?}"), format!("{config:#?}")] {
        assert!(!printed.contains("canary"), "{printed}");
        assert!(printed.contains("<secret>"));
    }
    let (tree, problems) = yaml::read(config.to_yaml().as_bytes(), "printed");
    assert!(tree.is_some() && problems.is_empty(), "{problems:?}");
}

/// Between these stands in the annotated configuration what a site on premises has, and one in the cloud has not.
const ON_PREMISES: [&str; 2] = ["    # An account of the directory, with the role", "    # In Citrix Cloud"];

#[test]
fn the_annotated_configuration_is_valid_and_names_every_setting() {
    let directory = directory();
    let path = directory.path().join("rollcall.yml");
    std::fs::write(&path, default_yaml()).expect("a file can be written");
    let config = Config::check(&path).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!((config.targets.len(), config.warnings.len()), (crate::vendors::Vendor::ALL.len(), 0));

    // Commented settings become live, so that the parser asks for what is in them.
    let live = default_yaml()
        .replace("expect: []\n    #", "expect:\n    #")
        .replace("health_overrides: []\n    #", "health_overrides:\n    #");
    let live = live.replace("overrides: []\n  #", "overrides:\n  #").replace("pat_file: secrets/azdo\n", "\n");
    // Of a site in the cloud, which is the other one of two.
    let [start, end] = ON_PREMISES.map(|text| live.find(text).expect("it is there"));
    let live = format!("{}{}", &live[..start], &live[end..]);
    let live: Vec<String> = live
        .lines()
        .map(|line| {
            let (indent, comment) = line.split_once("# ").unwrap_or((line, ""));
            let is_setting = comment.trim_start_matches([' ', '-']).split_once(':').is_some_and(|(key, value)| {
                let is_key = key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
                is_key && (value.is_empty() || value.starts_with(' ')) && value.split_whitespace().count() < 2
            });
            // The example is the default; given for all targets it is too short for the probe's interval.
            let stays = comment.starts_with("stale_after");
            match indent.trim().is_empty() && is_setting && !stays {
                true => format!("{indent}{}{comment}", if comment.starts_with(' ') { " " } else { "" }),
                false => line.to_owned(),
            }
        })
        .collect();
    let live = live.join("\n");
    let ctx = Context::new(directory.path(), true);
    let options =
        parse::ParseOptions { file: "live.yml", base_dir: directory.path(), strict: true, state_directory: None };
    let config = parse::read(live.as_bytes(), &options, &ctx);
    let errors: Vec<String> = ctx.errors.borrow().iter().map(ToString::to_string).collect();
    assert_eq!(errors, [""; 0]);
    let config = config.expect("without errors there is a configuration");
    assert_eq!((config.alerting.overrides.len(), config.targets[0].expect.len()), (1, 1));
    let known = ctx.known.borrow();
    assert!(known.len() > 90, "{}", known.len());
    for path in known.iter() {
        let key = path.rsplit('.').next().expect("a split has a part");
        // As a key; of a secret and its twin, which is explained at the top, one is enough.
        let is_key = |key: &str| {
            let key = format!("{key}:");
            let mut places = default_yaml().match_indices(&key).map(|(at, _)| at);
            places.any(|at| !default_yaml()[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
        };
        let secret = key.strip_suffix("_file").unwrap_or(key);
        // Those of a proxy in front, and of an Alertmanager, stand in the comment on an empty `auth`.
        let named = is_key(secret) || is_key(&format!("{secret}_file")) || secret == "bearer_token";
        assert!(named, "{path} is not in the annotated configuration");
    }
}

#[test]
fn target_files_add_their_targets() {
    let directory = directory();
    let file = |name| format!("targets:\n  - {{name: {name}, vendor: resilio, url: http://127.0.0.1:1}}\n");
    write(directory.path(), "targets.d/b.yml", &file("b"));
    write(directory.path(), "targets.d/a.yml", &file("a"));
    write(directory.path(), "targets.d/.hidden.yml", &file("hidden"));
    write(directory.path(), "targets.d/none.yml", "targets: []\n");
    std::fs::create_dir(directory.path().join("targets.d/directory.yml")).expect("it can be made");
    let config = parse("target_files: [targets.d/*.yml, targets.d/a.yml, '*/b.yml']\n", directory.path())
        .expect("the text is a configuration");
    let names: Vec<&str> = config.targets.iter().map(|target| target.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(config.warnings, [""; 0]);
}

#[test]
fn a_secret_file_that_is_missing_stops_check_and_not_the_daemon() {
    let directory = TempDir::new().expect("a temporary directory can be made");
    let path = directory.path().join("rollcall.yml");
    std::fs::write(&path, include_str!("../fixtures/secret_file.yml")).expect("a file can be written");
    let config = Config::load(&path).expect("a missing secret file is a warning");
    let errors = Config::check(&path).expect_err("a missing secret file is an error").to_string();
    assert_eq!(config.warnings, [errors.as_str()]);
    let file = directory.path().join("secrets/ras");
    let expected = "targets[0].auth.password_file: cannot read secret file";
    let expected =
        format!("{}:5:41: {expected} {}: No such file or directory (os error 2)", path.display(), file.display());
    let expected = expected + "; write the secret into it: ";
    assert!(errors.starts_with(&expected) && errors.ends_with("; or give another path"), "{errors}");
    // With the command that makes it.
    #[cfg(unix)]
    assert!(errors.contains("install -D -m 0600") && errors.contains("/dev/stdin"), "{errors}");
}

#[test]
fn the_state_file_follows_systemd_unless_it_is_given() {
    let base_dir = Path::new("/etc/rollcall");
    let read = |text: &str, directory: Option<&str>| {
        let state_directory = directory.map(Into::into);
        let options = parse::ParseOptions { file: "rollcall.yml", base_dir, strict: false, state_directory };
        parse::parse(text.as_bytes(), &options).expect("the text is a configuration").state_file
    };
    assert_eq!(read("targets: []", None), None);
    assert_eq!(read("targets: []", Some("/var/lib/a:/var/lib/b")), Some("/var/lib/a/rollcall.state".into()));
    assert_eq!(read("state_file: my.state", Some("/var/lib/a")), Some("/etc/rollcall/my.state".into()));
}

#[test]
fn a_reload_tells_what_it_changes() {
    let read = |text: &str| parse(text, Path::new("")).expect("the text is a configuration");
    let target =
        |name: &str, rest: &str| format!("  - {{name: {name}, vendor: resilio, url: http://127.0.0.1:1{rest}}}\n");
    let old = read(&format!("targets:\n{}{}{}", target("a", ""), target("b", ""), target("c", "")));
    let new = read(&format!("targets:\n{}{}{}", target("d", ""), target("c", ", tags: false"), target("a", "")));
    let changes = old.changes(&new);
    let names = |list: &[Arc<Target>]| list.iter().map(|target| target.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&changes.added), ["d"]);
    assert_eq!(names(&changes.changed), ["c"]);
    assert_eq!(names(&changes.kept), ["a"]);
    assert_eq!(changes.removed, ["b"]);
}

#[test]
fn certificates_and_keys_are_read_from_pem() {
    let directory = directory();
    let made = rcgen::generate_simple_self_signed(vec!["a.example.com".to_owned()]).expect("a certificate can be made");
    write(directory.path(), "cert.pem", &made.cert.pem());
    write(directory.path(), "key.pem", &made.signing_key.serialize_pem());
    let text =
        "http: { tls: { ca_file: cert.pem, cert_file: cert.pem, key_file: key.pem, server_name: a.example.com } }
targets:
  - { name: a, vendor: resilio, url: 'https://a' }
  - { name: b, vendor: resilio, url: 'https://b', http: { tls: { cert_file: '', key_file: '' } } }
";
    let config = parse(text, directory.path()).expect("the text is a configuration");
    assert_eq!(config.targets[0].http.tls.key_file, Some(directory.path().join("key.pem")));
    let tls = &config.targets[1].http.tls;
    assert_eq!((tls.key_file.as_ref(), tls.cert_file.as_ref()), (None, None));
    assert_eq!(tls.ca_file, Some(directory.path().join("cert.pem")));
}
