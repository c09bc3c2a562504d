//! Forms in the shape of the vendor's samples, and what is done with each of them.

use super::*;

const USERNAME: &str = "<Requirement><Credential><ID>user</ID><SaveID>F-U</SaveID><Type>username</Type></Credential><Label><Text>Benutzername:</Text><Type>plain</Type></Label><Input><AssistiveText>domain\\user</AssistiveText><Text><Secret>false</Secret><ReadOnly>false</ReadOnly><InitialValue></InitialValue><Constraint>.+</Constraint></Text></Input></Requirement>";
const PASSWORD: &str = "<Requirement><Credential><ID>pw</ID><SaveID>F-P</SaveID><Type>password</Type></Credential><Label><Text>Kennwort:</Text><Type>plain</Type></Label><Input><Text><Secret>true</Secret><ReadOnly>false</ReadOnly><InitialValue/></Text></Input></Requirement>";
const SAVE: &str = "<Requirement><Credential><ID>saveCredentials</ID><Type>savecredentials</Type></Credential><Label><Type>plain</Type></Label><Input><CheckBox><InitialValue>true</InitialValue></CheckBox></Input></Requirement>";
const BUTTON: &str = "<Requirement><Credential><ID>loginBtn</ID><Type>none</Type></Credential><Label><Type>none</Type></Label><Input><Button>Anmelden &amp; los</Button></Input></Requirement>";
const HEADING: &str = "<Requirement><Credential><Type>none</Type></Credential><Label><Text>Please log on</Text><Type>heading</Type></Label><Input /></Requirement>";
const ERROR: &str = "<Requirement><Credential><Type>none</Type></Credential><Label><Text>Incorrect user name or password</Text><Type>error</Type></Label><Input /></Requirement>";
const TERMS: &str = "<Requirement><Credential><Type>none</Type></Credential><Label><Text>Terms of use</Text><Type>information</Type></Label><Input /></Requirement>";
const DOMAIN: &str = "<Requirement><Credential><ID>dom</ID><Type>domain</Type></Credential><Label/><Input><Text><InitialValue>HOME</InitialValue></Text></Input></Requirement>";
const DOMAINS: &str = "<Requirement><Credential><ID>dom</ID><Type>domain</Type></Credential><Label/><Input><ComboBox><InitialSelection>home</InitialSelection><DisplayValues><DisplayValue><Display>Home</Display><Value>home</Value></DisplayValue><DisplayValue><Display>Other</Display><Value>corp</Value></DisplayValue></DisplayValues></ComboBox></Input></Requirement>";

fn typed(id: &str, kind: &str) -> String {
    PASSWORD.replace("<ID>pw</ID>", &format!("<ID>{id}</ID>")).replace(">password<", &format!(">{kind}<"))
}

fn form(status: &str, result: &str, rows: &[&str]) -> Form {
    let body = format!(
        "<AuthenticateResponse xmlns=\"http://citrix.com/authentication/response/1\"><Status>{status}</Status><Result>{result}</Result><StateContext>st&amp;te</StateContext><AuthenticationRequirements><PostBack>/Citrix/Authentication/ExplicitForms</PostBack><CancelPostBack>/Cancel</CancelPostBack><Requirements>{}</Requirements></AuthenticationRequirements></AuthenticateResponse>",
        rows.concat()
    );
    Form::read(&Element::parse(body.as_bytes()).expect("well-formed")).expect("a form")
}

fn fill(username: &str, rows: &[&str]) -> Result<Vec<(String, String)>, Refusal> {
    form("success", "more-info", rows).fill(username, &SecretText::new("s3cret")).map(|submission| submission.fields)
}

fn pairs(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[test]
fn the_usual_form_is_filled_in_by_type_and_not_by_label() {
    let fields =
        fill(r"CORP\monitor", &[HEADING, USERNAME, PASSWORD, SAVE, BUTTON]).map_err(|_| ()).expect("filled in");
    let expected = [
        ("StateContext", "st&te"),
        ("loginBtn", "Anmelden & los"),
        ("user", r"CORP\monitor"),
        ("pw", "s3cret"),
        ("saveCredentials", "false"),
    ];
    assert_eq!(pairs(&fields), expected);
}

#[test]
fn a_domain_field_takes_the_domain_out_of_the_user_name() {
    let rows = [
        (r"CORP\monitor", DOMAIN, "monitor", "CORP"),
        (r"CORP\monitor", DOMAINS, "monitor", "corp"),
        ("monitor@corp.example.com", DOMAIN, "monitor@corp.example.com", "HOME"),
        ("monitor", DOMAINS, "monitor", "home"),
    ];
    for (username, row, name, domain) in rows {
        let fields = fill(username, &[USERNAME, PASSWORD, row, BUTTON]).map_err(|_| ()).expect("filled in");
        assert!(pairs(&fields).contains(&("user", name)), "{username}");
        assert!(pairs(&fields).contains(&("dom", domain)), "{username}");
    }
    assert!(matches!(fill(r"NOWHERE\monitor", &[USERNAME, PASSWORD, DOMAINS]), Err(Refusal::Other(_))));
}

#[test]
fn a_form_that_wants_more_is_left_alone() {
    let fixed = USERNAME.replace("<ReadOnly>false", "<ReadOnly>true");
    let rows: Vec<Vec<String>> = vec![
        vec![USERNAME.into(), PASSWORD.into(), typed("pin", "passcode")],
        vec![USERNAME.into(), PASSWORD.into(), typed("new", "newpassword")],
        vec![USERNAME.into(), PASSWORD.into(), typed("code", "textcredential")],
        vec![USERNAME.into(), PASSWORD.into(), typed("x", "somethingnew")],
        vec![USERNAME.into(), PASSWORD.into(), typed("pw2", "password")],
        vec![USERNAME.into()],
        vec![PASSWORD.into()],
        vec![fixed, PASSWORD.into()],
        vec![USERNAME.into(), PASSWORD.into(), ERROR.into()],
        vec![],
    ];
    for rows in rows {
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        match fill("monitor", &rows) {
            Err(Refusal::Other(failure)) => assert_eq!(failure.reason, Reason::Auth, "{rows:?}"),
            _ => panic!("filled in or held: {rows:?}"),
        }
    }
}

#[test]
fn an_expired_password_is_never_changed() {
    let form = form(
        "success",
        "update-credentials",
        &[HEADING, &typed("oldPassword", "password"), &typed("n", "newpassword")],
    );
    assert!(matches!(form.fill("monitor", &SecretText::new("s3cret")), Err(Refusal::Credentials(_))));
    assert!(matches!(form.after_credentials(), Refusal::Credentials(_)));
}

#[test]
fn only_a_form_that_refuses_the_credentials_holds_them() {
    let rows: [(&str, &[&str], &str); 3] = [
        ("more-info", &[USERNAME, PASSWORD, ERROR], "the log-on was refused: Incorrect user name or password"),
        ("more-info", &[ERROR, BUTTON], "the log-on was refused: Incorrect user name or password"),
        ("more-info", &[HEADING, USERNAME, PASSWORD, BUTTON], "the log-on form came again: \"Please log on\""),
    ];
    for (result, rows, message) in rows {
        let form = form("success", result, rows);
        assert!(form.acknowledgement().is_none());
        assert_eq!(form.after_credentials(), Refusal::Credentials(message.to_owned()));
    }
    let passcode = typed("code", "passcode");
    let rows: [(&str, &[&str], &str); 5] = [
        ("more-info", &[HEADING, &passcode], "the log-on wants a second factor or a new password: \"Please log on\""),
        ("more-info", &[TERMS, SAVE, BUTTON], "the log-on shows a page that a monitor cannot answer: \"Terms of use\""),
        (
            "more-info",
            &[TERMS, BUTTON, BUTTON],
            "the log-on shows a page that a monitor cannot answer: \"Terms of use\"",
        ),
        ("fail", &[], "the log-on failed without a word about the credentials"),
        ("cancelled", &[], "the log-on ended without a token: cancelled"),
    ];
    for (result, rows, message) in rows {
        let form = form("success", result, rows);
        assert!(form.acknowledgement().is_none());
        let expected = Failure::new(Reason::Auth, message);
        assert_eq!(form.after_credentials(), Refusal::Other(expected));
    }
}

#[test]
fn a_page_with_nothing_but_a_button_is_acknowledged() {
    for rows in [&[TERMS, BUTTON][..], &[BUTTON], &[HEADING, TERMS, BUTTON]] {
        let submission = form("success", "more-info", rows).acknowledgement().expect("it is acknowledged");
        assert_eq!(submission.post_back, "/Citrix/Authentication/ExplicitForms");
        assert_eq!(pairs(&submission.fields), [("StateContext", "st&te"), ("loginBtn", "Anmelden & los")]);
    }
    for (status, result) in
        [("success", "fail"), ("error-internal-failure", "more-info"), ("success", "update-credentials")]
    {
        assert!(form(status, result, &[TERMS, BUTTON]).acknowledgement().is_none(), "{status} {result}");
    }
}

#[test]
fn what_is_meant_for_the_log_is_in_the_message() {
    let body = "<AuthenticateResponse><Status>error-internal-failure</Status><Result>fail</Result>\
                <LogMessage>LDAP: 0x51\n server down</LogMessage></AuthenticateResponse>";
    let form = Form::read(&Element::parse(body.as_bytes()).expect("well-formed")).expect("a form");
    let message = "the log-on service says error-internal-failure: \"LDAP: 0x51\\n server down\"";
    assert_eq!(form.after_credentials(), Refusal::Other(Failure::new(Reason::Auth, message)));
}

#[test]
fn trouble_of_the_log_on_service_is_not_the_passwords_fault() {
    for status in ["error-service-unavailable", "error-internal-failure", "error-sessionid-expired"] {
        let form = form(status, "fail", &[ERROR]);
        assert!(matches!(form.after_credentials(), Refusal::Other(_)), "{status}");
        assert!(matches!(form.fill("monitor", &SecretText::new("x")), Err(Refusal::Other(_))), "{status}");
    }
}
