//! `rollcall check`: what it tells of a configuration, and of the targets that it polls.

use rollcall_sim::Fault;

use crate::{
    program::rollcall,
    support::{Config, Folder, Sim, Target, frozen},
};

#[test]
fn check_tells_every_error_at_once_with_its_place_and_path() {
    let folder = Folder::new();
    let text = "defaults: { interval: soon }\n\
                targets:\n\
                \x20 - name: farm\n\
                \x20   vendor: parallels_ras\n\
                \x20   url: https://ras.example.com:20443\n\
                \x20   auth: { username: monitor, password_file: secrets/ras }\n\
                \x20 - name: farm\n\
                \x20   vendor: resilio\n\
                \x20   url: ftp://filer.example.com\n\
                \x20   tagz: true\n";
    let file = folder.write("rollcall.yml", text);
    let file = file.to_str().expect("a plain name");
    let ended = rollcall(&["check", file]).expect(1);
    assert_eq!(ended.out, "");
    for (place, path) in [
        ("1:23", "defaults.interval"),
        ("6:47", "targets[0].auth.password_file"),
        ("7:11", "targets[1].name"),
        ("9:10", "targets[1].url"),
        ("10:5", "targets[1].tagz"),
    ] {
        let line =
            ended.err.lines().find(|line| line.contains(path)).unwrap_or_else(|| panic!("{path}\n{}", ended.err));
        assert!(line.starts_with(&format!("{file}:{place}: {path}")), "{line}\nnot at {place}");
    }
    folder.write("secrets/ras", "secret");
    let fine =
        text.replace("soon", "30s").replace("name: farm\n    vendor: resilio", "name: filer\n    vendor: resilio");
    folder.write("rollcall.yml", &fine.replace("ftp:", "http:").replace("    tagz: true\n", ""));
    assert!(rollcall(&["check", file]).expect(0).out.contains("2 targets"));
    let ended = rollcall(&["check", "/no/such/file.yml"]).expect(1);
    assert!(ended.err.contains("/no/such/file.yml"), "{}", ended.err);
    // serve says the same, but that a secret file which is not there yet does not stop it.
    folder.write("rollcall.yml", text);
    let served = rollcall(&["serve", "--config.file", file, "--web.listen-address", "127.0.0.1:0"]).expect(1);
    for path in ["defaults.interval", "targets[1].name", "targets[1].tagz"] {
        assert!(served.err.contains(path), "{}", served.err);
    }
}

#[test]
fn the_default_configuration_passes_once_its_secret_files_are_there() {
    let folder = Folder::new();
    let text = rollcall(&["default-config"]).expect(0).out;
    let file = folder.write("rollcall.yml", &text);
    let file = file.to_str().expect("a plain name");
    let ended = rollcall(&["check", file]).expect(1);
    let lines: Vec<&str> = ended.err.lines().collect();
    assert!(!lines.is_empty());
    for line in &lines {
        assert!(line.contains("_file"), "only its files are missing: {line}");
    }
    let live = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    for path in live.filter_map(|line| line.split("secrets/").nth(1)) {
        let name: String = path.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
        folder.write(&format!("secrets/{name}"), "secret\n");
    }
    rollcall(&["check", file]).expect(0);
}

#[test]
fn check_connect_polls_each_target_once_and_tells_which_failed() {
    let sim = Sim::frozen();
    let folder = Folder::new();
    let config = Config::quick()
        .target(Target::resilio("filer", &sim, 1))
        .target(Target::azure("builds", &sim))
        .target(Target::azure("stranger", &sim).set("auth", "{ pat: wrong }"));
    let file = config.write(&folder);
    let ended = rollcall(&["check", file.to_str().expect("a plain name"), "--connect"]).expect(1);
    let said = |start: &str, name: &str| {
        ended.out.lines().any(|line| line.starts_with(start) && line.contains(&format!("{name}: ")))
    };
    assert!(said("ok", "filer") && said("ok", "builds") && said("failed", "stranger"), "{}", ended.out);
    assert!(ended.out.contains("auth") && ended.err.contains("1 of 3 targets"), "{}\n{}", ended.out, ended.err);
}

#[test]
fn check_connect_names_what_failed_of_a_target_and_settings_that_matched_nothing() {
    let sim = Sim::frozen();
    let folder = Folder::new();
    let config = Config::quick()
        .target(Target::resilio("filer", &sim, 1).set("expect", "[{ pool: clinet, min_serving: 1 }]"))
        .target(Target::azure("builds", &sim).set("pools", "{ include: [nothing-like-it] }"));
    let file = config.write(&folder);
    let file = file.to_str().expect("a plain name");
    let ended = rollcall(&["check", file, "--connect"]).expect(0);
    let line = |start: &str| ended.out.lines().find(|line| line.starts_with(start)).expect("a line for each");
    assert!(line("ok      filer: ").contains(": 1 agent in "), "{}", ended.out);
    assert!(line("ok      builds: ").contains(": 0 agents in "), "{}", ended.out);
    for warning in [
        "warning: filer: expect[0].pool: \"clinet\" matches no pool; there are: client",
        "warning: builds: no agents: pools.include matches nothing, or only pools that Microsoft hosts (include_hosted)",
    ] {
        assert!(ended.err.lines().any(|line| line == warning), "{warning}\n{}", ended.err);
    }
    sim.fail("azure_devops", "/pools/10/agents", Fault::Status(500, "", "text/plain"));
    let file = Config::quick().target(Target::azure("builds", &sim)).write(&folder);
    let ended = rollcall(&["check", file.to_str().expect("a plain name"), "--connect"]).expect(1);
    let start = "failed  builds: partial, 1 part failed: 10: http_status: GET /contoso/_apis/distributedtask/pools/10/agents: 500";
    assert!(ended.out.lines().any(|line| line.starts_with(start) && line.contains(" agents in ")), "{}", ended.out);
}

#[test]
fn check_connect_says_which_sites_came_and_from_which_request() {
    // Large enough for two sites.
    let (sim, folder) = (Sim::start(rollcall_sim::Options { agents: 200, ..frozen() }), Folder::new());
    let file = Config::quick().target(Target::ras("farm", &sim)).write(&folder);
    let file = file.to_str().expect("a plain name");
    for (granted, first, second) in [(None, "/api/Agent", "/api/Agent"), (Some(2), "/api/Agent?siteId=1", "/api/Agent")]
    {
        sim.parallels_ras().set_default_site(granted);
        let ended = rollcall(&["check", file, "--connect"]).expect(0);
        for (site, path) in [(1, first), (2, second)] {
            let said = format!("site {site} came by GET {path}");
            assert!(ended.out.lines().any(|line| line.trim() == said), "{said}\n{}", ended.out);
        }
    }
}

#[test]
fn each_extra_is_listed_with_its_outcome_and_the_right_that_it_needs() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    sim.fail("azure_devops", "/elasticpools", Fault::Status(403, "{}", "application/json"));
    let config = Config::quick()
        .target(Target::azure("builds", &sim).set("capabilities", "[docker]"))
        .target(Target::resilio("filer", &sim, 1));
    let file = config.write(&folder);
    let file = file.to_str().expect("a plain name");
    // An extra that is refused costs itself: the target is well.
    let check = rollcall(&["check", file, "--connect"]).expect(0);
    let probe = rollcall(&["probe", "builds", "--config.file", file]).expect(0);
    for out in [&check.out, &probe.out] {
        let line = |name: &str| {
            let start = format!("extra {name} ");
            let found = out.lines().map(str::trim_start).find_map(|line| line.strip_prefix(&start));
            found.unwrap_or_else(|| panic!("{name} in\n{out}")).to_owned()
        };
        let elastic = line("elastic_pools");
        assert!(
            elastic.starts_with("failed, forbidden: GET /contoso/_apis/distributedtask/elasticpools: 403"),
            "{out}"
        );
        assert!(elastic.contains("; right: the scope Agent Pools (read)"), "{out}");
        for name in ["deployment_pools", "capabilities"] {
            assert!(line(name).starts_with("worked; right: the scope Agent Pools (read)"), "{out}");
        }
    }
    assert!(check.out.lines().any(|line| line.trim_start().starts_with("extra tags worked; right: ")), "{}", check.out);
}
