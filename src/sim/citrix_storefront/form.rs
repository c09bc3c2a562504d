//! The forms of the ExplicitForms conversation.

use super::xml::escape;
use std::fmt::Write;

/// Their media type; the vendor sends it with the parameter.
pub(super) const FORM: &str = "application/vnd.citrix.authenticateresponse-1+xml; charset=utf-8";

/// Which fields the log-on form has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FormStyle {
    /// User name with domain, and password.
    #[default]
    Plain,
    /// The domain is a field of its own.
    WithDomain,
    /// A passcode is asked for besides: nothing that a service account can answer.
    WithPasscode,
}

/// One answer of the conversation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form<'a> {
    /// `success` or one of the errors.
    pub(super) status: &'a str,
    /// `more-info`, `fail`, `update-credentials`, `cancelled`.
    pub(super) result: &'a str,
    /// To be sent back as it is.
    pub(super) context: &'a str,
    /// The inputs, if there are any.
    pub(super) requirements: &'a str,
    /// Where the answer goes, below the forms.
    pub(super) post_back: &'a str,
    /// For the log of the client.
    pub(super) log_message: Option<&'a str>,
}

const ROOT: &str = "/Citrix/Authentication/ExplicitForms";

impl Form<'_> {
    /// The document.
    pub(super) fn print(self) -> String {
        let mut out = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<AuthenticateResponse \
             xmlns=\"http://citrix.com/authentication/response/1\">\n  <Status>{}</Status>\n  <Result>{}</Result>\n",
            self.status, self.result
        );
        match self.context {
            "" => out.push_str("  <StateContext />\n"),
            context => out.push_str(&format!("  <StateContext>{}</StateContext>\n", escape(context))),
        }
        if let Some(text) = self.log_message {
            out.push_str(&format!("  <LogMessage>{}</LogMessage>\n", escape(text)));
        }
        if !self.requirements.is_empty() {
            // Host-relative, as the vendor sends them.
            out.push_str(&format!(
                "  <AuthenticationRequirements>\n    <PostBack>{ROOT}{}</PostBack>\n    \
                 <CancelPostBack>{ROOT}/Cancel</CancelPostBack>\n    <CancelButtonText>Cancel</CancelButtonText>\n    \
                 <Requirements>\n{}    </Requirements>\n  </AuthenticationRequirements>\n",
                self.post_back, self.requirements
            ));
        }
        out.push_str("</AuthenticateResponse>\n");
        out
    }
}

/// The inputs of the log-on form; after a wrong password with the user name as it came and an error.
pub(super) fn log_on(style: FormStyle, refused: Option<&str>) -> String {
    let mut out = String::new();
    label(&mut out, "Please log on", "heading");
    let hint = "domain\\user or user@domain";
    let user = refused.unwrap_or_default();
    text(&mut out, Some("username"), "username", "User name:", (hint, user, false));
    text(&mut out, Some("password"), "password", "Password:", ("", "", false));
    match style {
        FormStyle::Plain => {}
        FormStyle::WithDomain => {
            let combo = "<ComboBox><InitialSelection>OTHER</InitialSelection><DisplayValues><DisplayValue>\
                         <Display>OTHER</Display><Value>OTHER</Value></DisplayValue><DisplayValue><Display>CORP</Display>\
                         <Value>CORP</Value></DisplayValue></DisplayValues></ComboBox>";
            requirement(&mut out, Some("domain"), "domain", "Domain:", combo);
        }
        FormStyle::WithPasscode => {
            text(&mut out, Some("passcode"), "passcode", "Passcode:", ("", "", false));
        }
    }
    if refused.is_some() {
        label(&mut out, "Incorrect user name or password", "error");
    }
    let check = "<CheckBox><InitialValue>false</InitialValue></CheckBox>";
    requirement(&mut out, Some("saveCredentials"), "savecredentials", "Remember my password", check);
    button(&mut out, "loginBtn", "Log On");
    out
}

/// A page to acknowledge, in the shape of the vendor's confirmation; `terms` has a box to tick besides.
pub(super) fn notice(terms: bool) -> String {
    let mut out = String::new();
    label(&mut out, "Maintenance on Sunday from 6 to 8.", if terms { "information" } else { "confirmation" });
    if terms {
        let check = "<CheckBox><InitialValue>false</InitialValue></CheckBox>";
        requirement(&mut out, Some("acceptTerms"), "none", "I accept the terms of use", check);
    }
    button(&mut out, "noticeBtn", "OK");
    out
}

/// The inputs of the form for an expired password, with fields that look like those of a log-on.
pub(super) fn expired(user: &str) -> String {
    let mut out = String::new();
    label(&mut out, "Change Expired Password", "heading");
    text(&mut out, None, "username", "User name:", ("", user, true));
    text(&mut out, Some("oldPassword"), "password", "Old password:", ("", "", false));
    text(&mut out, Some("newPassword"), "newpassword", "New password:", ("", "", false));
    text(&mut out, Some("confirmPassword"), "newpassword", "Confirm password:", ("", "", false));
    button(&mut out, "changePasswordBtn", "OK");
    out
}

fn label(out: &mut String, text: &str, kind: &str) {
    let _ = writeln!(
        out,
        "      <Requirement><Credential><Type>none</Type></Credential><Label><Text>{}</Text><Type>{kind}</Type></Label>\
         <Input /></Requirement>",
        escape(text)
    );
}

/// A line of text; `(hint, initial, read_only)`.
fn text(out: &mut String, id: Option<&str>, kind: &str, caption: &str, (hint, initial, read_only): (&str, &str, bool)) {
    let assistive = match hint {
        "" => String::new(),
        hint => format!("<AssistiveText>{hint}</AssistiveText>"),
    };
    let secret = kind != "username";
    let input = format!(
        "{assistive}<Text><Secret>{secret}</Secret><ReadOnly>{read_only}</ReadOnly><InitialValue>{}</InitialValue>\
         <Constraint>.+</Constraint></Text>",
        escape(initial)
    );
    requirement(out, id, kind, caption, &input);
}

fn requirement(out: &mut String, id: Option<&str>, kind: &str, caption: &str, input: &str) {
    let id = match (id, kind) {
        (None, _) => String::new(),
        (Some(id), "savecredentials") => format!("<ID>{id}</ID>"),
        (Some(id), kind) => format!("<ID>{id}</ID><SaveID>ExplicitForms-{kind}</SaveID>"),
    };
    let _ = writeln!(
        out,
        "      <Requirement><Credential>{id}<Type>{kind}</Type></Credential><Label><Text>{caption}</Text>\
         <Type>plain</Type></Label><Input>{input}</Input></Requirement>"
    );
}

fn button(out: &mut String, id: &str, caption: &str) {
    let _ = writeln!(
        out,
        "      <Requirement><Credential><ID>{id}</ID><Type>none</Type></Credential><Label><Type>none</Type></Label>\
         <Input><Button>{caption}</Button></Input></Requirement>"
    );
}
