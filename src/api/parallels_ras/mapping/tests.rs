use super::*;
use crate::{
    api::parallels_ras::tests::{samples, target},
    config::target::HealthOverride,
    glob::Glob,
};

fn settings(target: &Target) -> ParallelsRas {
    match &target.settings {
        crate::config::VendorSettings::ParallelsRas(settings) => settings.clone(),
        _ => unreachable!("the test target is of this vendor"),
    }
}

fn decode_for(json: &str, target: &Target) -> (Vec<String>, Part, Warnings) {
    let (warnings, settings) = (Warnings::default(), settings(target));
    let (rows, _) = rows(json.as_bytes(), &settings.site_ids, 1000, &warnings).expect("a list");
    let mapping_context = MappingContext {
        target: Arc::new(target.clone()),
        settings: Arc::new(settings),
        names: Names::default(),
        facts: Facts::default(),
    };
    let mut part = part(&rows, &mapping_context, None, warnings);
    let warnings = std::mem::take(&mut part.warnings);
    (samples(&part), part, warnings)
}

fn decode(json: &str) -> (Vec<String>, Part, Warnings) {
    decode_for(json, &target("http://127.0.0.1:1"))
}

fn healths(part: &Part) -> Vec<(&str, Option<Health>)> {
    part.agents.iter().map(|agent| (&*agent.name, agent.health)).collect()
}

#[test]
fn each_row_tells_its_state_number_and_description() {
    let (samples, part, warnings) = decode(
        r#"[
            {"id": "7", "siteId": 1, "agentState": 0, "serverType": 1, "cpuLoad": 17},
            {"id": "2", "siteId": 2, "agentState": 14, "serverType": 7},
            {"id": "1", "siteId": 1, "agentState": 0, "serverType": 9}
        ]"#,
    );
    assert_eq!(
        samples,
        [
            r#"parallels_ras_agent_state{pool="RDSHost@1",agent="7",state="OK"} 1"#,
            r#"parallels_ras_agent_state{pool="PA@2",agent="2",state="LogonDrain"} 1"#,
            r#"parallels_ras_agent_state{pool="Site@1",agent="1",state="OK"} 1"#,
            r#"parallels_ras_agent_state_code{pool="RDSHost@1",agent="7"} 0"#,
            r#"parallels_ras_agent_state_code{pool="PA@2",agent="2"} 14"#,
            r#"parallels_ras_agent_state_code{pool="Site@1",agent="1"} 0"#,
            r#"parallels_ras_agent_info{pool="RDSHost@1",agent="7",site_id="1",server_type="RDSHost",agent_id="7",kind="host"} 1"#,
            r#"parallels_ras_agent_info{pool="PA@2",agent="2",site_id="2",server_type="PA",agent_id="2",kind="host"} 1"#,
            r#"parallels_ras_agent_info{pool="Site@1",agent="1",site_id="1",server_type="Site",agent_id="1",kind="logical"} 1"#,
        ]
    );
    assert_eq!(healths(&part), [("7", Some(Health::Healthy)), ("2", Some(Health::Disabled)), ("1", None)]);
    assert_eq!(warnings.details(), []);
}

#[test]
fn every_spelling_gives_the_same_row() {
    let (expected, ..) = decode(r#"[{"id": "7", "siteId": 1, "agentState": 14, "serverType": 7}]"#);
    for row in [
        r#"{"id": 7, "siteId": "1", "agentState": "14", "serverType": "7"}"#,
        r#"{"id": "7", "siteId": 1, "agentState": "14 = LogonDrain", "serverType": "7 = Broker"}"#,
        r#"{"id": "7", "siteId": 1, "agentState": "LogonDrain", "serverType": "Broker"}"#,
        r#"{"id": "7", "siteId": 1, "agentState": "logondrain", "serverType": "PA"}"#,
        r#"{"id": "7", "siteId": 1, "agentState": ["14 = LogonDrain"], "serverType": ["PA"]}"#,
        r#"{"id": "7", "siteId": 1, "agentState": [14], "serverType": [7]}"#,
        r#"{"Id": "7", "SiteId": 1.0, "AgentState": 14, "ServerType": 7}"#,
    ] {
        let (samples, _, warnings) = decode(&format!("[{row}]"));
        assert_eq!(samples, expected, "{row}");
        assert_eq!(warnings.details(), [], "{row}");
    }
}

#[test]
fn an_item_that_cannot_be_read_or_lacks_its_key_costs_itself_alone() {
    let (_, part, warnings) = decode(
        r#"[
            {"id": null, "siteId": 1, "agentState": 0, "serverType": 1},
            {"siteId": 1, "agentState": 0, "serverType": 1},
            {"id": "", "siteId": 1, "agentState": 0, "serverType": 1},
            {"id": {}, "siteId": 1, "agentState": 0, "serverType": 1},
            {"id": "1", "siteId": "x", "agentState": 0, "serverType": 1},
            {"id": "1", "siteId": 1, "agentState": 0},
            17, null, "text", [],
            {"id": "2", "siteId": 1, "agentState": 0, "serverType": 1}
        ]"#,
    );
    assert_eq!(healths(&part), [("2", Some(Health::Healthy))]);
    assert_eq!(warnings.count(Warning::BadItem), 10);
}

#[test]
fn an_id_is_unique_in_its_site_and_type_only_and_the_first_of_two_counts() {
    let (samples, part, warnings) = decode(
        r#"[
            {"id": "1", "siteId": 1, "agentState": 0, "serverType": 1},
            {"id": "1", "siteId": 2, "agentState": 0, "serverType": 1},
            {"id": "1", "siteId": 1, "agentState": 0, "serverType": 3},
            {"id": 1, "siteId": 1, "agentState": -1, "serverType": 1}
        ]"#,
    );
    assert_eq!(part.agents.len(), 3);
    assert_eq!(samples[0], r#"parallels_ras_agent_state{pool="RDSHost@1",agent="1",state="OK"} 1"#);
    assert_eq!(warnings.count(Warning::BadItem), 1);
}

#[test]
fn a_state_that_no_table_knows_is_told_by_its_number_and_counted_each_time() {
    let (samples, part, warnings) = decode(
        r#"[
            {"id": "1", "siteId": 1, "agentState": 99, "serverType": 1},
            {"id": "2", "siteId": 1, "agentState": "99 = Dreaming", "serverType": 1},
            {"id": "3", "siteId": 1, "agentState": "Dreaming", "serverType": 1},
            {"id": "4", "siteId": 1, "agentState": ["0 = OK", "1 = EnumSessionsFailed"], "serverType": 1},
            {"id": "5", "siteId": 1, "serverType": 1}
        ]"#,
    );
    assert_eq!(
        samples[..7],
        [
            r#"parallels_ras_agent_state{pool="RDSHost@1",agent="1",state="code_99"} 1"#,
            r#"parallels_ras_agent_state{pool="RDSHost@1",agent="2",state="code_99"} 1"#,
            r#"parallels_ras_agent_state{pool="RDSHost@1",agent="3",state="other"} 1"#,
            r#"parallels_ras_agent_state{pool="RDSHost@1",agent="4",state="other"} 1"#,
            r#"parallels_ras_agent_state{pool="RDSHost@1",agent="5",state="other"} 1"#,
            r#"parallels_ras_agent_state_code{pool="RDSHost@1",agent="1"} 99"#,
            r#"parallels_ras_agent_state_code{pool="RDSHost@1",agent="2"} 99"#,
        ]
    );
    assert!(part.agents.iter().all(|agent| agent.health == Some(Health::Unknown)));
    assert_eq!((warnings.count(Warning::UnknownState), warnings.count(Warning::BadValue)), (3, 2));
}

#[test]
fn a_server_type_that_no_table_knows_is_a_host() {
    let (samples, part, warnings) = decode(
        r#"[
            {"id": "1", "siteId": 1, "agentState": 0, "serverType": 500},
            {"id": "2", "siteId": 1, "agentState": -4, "serverType": "Balloon"}
        ]"#,
    );
    assert_eq!(
        samples[4..],
        [
            r#"parallels_ras_agent_info{pool="code_500@1",agent="1",site_id="1",server_type="code_500",agent_id="1",kind="host"} 1"#,
            r#"parallels_ras_agent_info{pool="Balloon@1",agent="2",site_id="1",server_type="Balloon",agent_id="2",kind="host"} 1"#,
        ]
    );
    assert_eq!(healths(&part), [("1", Some(Health::Healthy)), ("2", Some(Health::Unknown))]);
    assert_eq!(warnings.count(Warning::UnknownState), 2);
}

#[test]
fn only_the_configured_sites_are_told() {
    let mut target = target("http://127.0.0.1:1");
    if let crate::config::VendorSettings::ParallelsRas(settings) = &mut target.settings {
        settings.site_ids = vec![2, 3];
    }
    let json = r#"[
        {"id": "1", "siteId": 1, "agentState": 99, "serverType": 1},
        {"id": "2", "siteId": "2", "agentState": 0, "serverType": 1},
        {"id": "3", "siteId": 3, "agentState": 0, "serverType": 1}
    ]"#;
    let (_, part, warnings) = decode_for(json, &target);
    assert_eq!(healths(&part), [("2", Some(Health::Healthy)), ("3", Some(Health::Healthy))]);
    assert_eq!(warnings.details(), [], "nor are the oddities of other sites");
}

#[test]
fn a_host_switched_off_on_purpose_is_disabled_where_its_type_is_listed() {
    let json = r#"[
        {"id": "1", "siteId": 1, "agentState": -4, "serverType": 2013},
        {"id": "2", "siteId": 1, "agentState": -4, "serverType": 1},
        {"id": "3", "siteId": 1, "agentState": -4, "serverType": 3}
    ]"#;
    let mut target = target("http://127.0.0.1:1");
    if let crate::config::VendorSettings::ParallelsRas(settings) = &mut target.settings {
        settings.power_managed = vec!["VDIHost".to_owned(), "Gateway".to_owned()];
    }
    let (_, part, _) = decode_for(json, &target);
    let expected = [("1", Some(Health::Disabled)), ("2", Some(Health::Unknown)), ("3", Some(Health::Failed))];
    assert_eq!(healths(&part), expected);
}

#[test]
fn an_override_goes_by_name_or_code_and_pool() {
    let mut target = target("http://127.0.0.1:1");
    let rule = |state: &str, pool: &str, health| {
        let pool = Glob::new(pool).expect("a valid glob");
        HealthOverride { state: state.to_owned(), pool, health }
    };
    target.health_overrides = vec![
        rule("NotVerified", "RDSHost@*", Health::Disabled),
        rule("16", "*", Health::Failed),
        rule("code_99", "*", Health::Degraded),
    ];
    let (_, part, _) = decode_for(
        r#"[
            {"id": "1", "siteId": 1, "agentState": -4, "serverType": 1},
            {"id": "2", "siteId": 1, "agentState": -4, "serverType": 3},
            {"id": "3", "siteId": 1, "agentState": 16, "serverType": 1},
            {"id": "4", "siteId": 1, "agentState": 99, "serverType": 1},
            {"id": "5", "siteId": 1, "agentState": 16, "serverType": 9}
        ]"#,
        &target,
    );
    let expected = [
        ("1", Some(Health::Disabled)),
        ("2", Some(Health::Failed)),
        ("3", Some(Health::Failed)),
        ("4", Some(Health::Degraded)),
        ("5", None),
    ];
    assert_eq!(healths(&part), expected);
}

#[test]
fn a_row_without_a_site_is_of_the_one_asked_for_or_the_only_one() {
    let siteless = r#"{"id": "2", "agentState": 0, "serverType": 1}"#;
    let json = format!(r#"[{siteless}, {{"id": "1", "siteId": 7, "agentState": 0, "serverType": 1}}]"#);
    let sites = |json: &str, site_ids: &[i64]| {
        let rows = rows(json.as_bytes(), site_ids, 1000, &Warnings::default());
        rows.map(|(rows, _)| rows.iter().map(|row| (row.id.to_string(), row.site)).collect::<Vec<_>>())
    };
    let row = |id: &str, site| (id.to_owned(), site);
    assert_eq!(sites(&json, &[]).expect("a list"), [row("1", 7), row("2", 7)]);
    assert_eq!(sites(&json, &[7]).expect("a list"), [row("2", 7), row("1", 7)]);
    let two = json.replace(']', r#", {"id": "3", "siteId": 8, "agentState": 0, "serverType": 1}]"#);
    assert_eq!(sites(&two, &[]).expect("a list"), [row("1", 7), row("3", 8)], "nobody knows whose it is");
    assert_eq!(sites(&two, &[7, 8]).expect("a list"), [row("1", 7), row("3", 8)]);
    // Without any site the member has another name by now.
    assert!(sites(&format!("[{siteless}]"), &[]).is_err());
    assert_eq!(sites(&format!("[{siteless}]"), &[7]).expect("a list"), [row("2", 7)]);
}
