//! The log-on form: which fields it wants, whether a monitor may fill it in, and what a second one means.
//!
//! A refused password is not a 401: it is the same form again, with status 200 and a label of type `error`. So exactly
//! one form is filled in, and any form after it means that the log-on did not succeed, unless it is a page that only has a
//! button: that is acknowledged.
//! <https://github.com/citrix/storefront-authentication-sdk>, `docs/common-authentication-forms-language.md`

use super::xml::Element;
use crate::{
    api::words,
    config::secret::SecretText,
    failure::{Failure, Reason},
};

/// Types of credentials that we understand, as the vendor's defaults for `X-Citrix-AM-CredentialTypes`.
pub const CREDENTIAL_TYPES: &str =
    "none, username, domain, password, newpassword, passcode, savecredentials, textcredential";
/// Types of labels that we understand, as the vendor's defaults for `X-Citrix-AM-LabelTypes`.
pub const LABEL_TYPES: &str = "none, plain, heading, information, warning, error, confirmation";

/// A form, as far as it matters.
#[derive(Debug, PartialEq, Default)]
pub struct Form {
    status: String,
    result: String,
    state: String,
    post_back: String,
    fields: Vec<Field>,
    /// The first label of type `error`.
    error: Option<String>,
    /// What the page says besides: the labels of rows without a field, and what is meant for the client's log.
    texts: Vec<String>,
}

#[derive(Debug, PartialEq, Default)]
struct Field {
    id: String,
    kind: String,
    control: Control,
}

#[derive(Debug, PartialEq, Default)]
enum Control {
    /// None, or one that may not be written to.
    #[default]
    None,
    Button(String),
    CheckBox,
    Text(String),
    Choice {
        initial: String,
        values: Vec<String>,
    },
}

/// Why a form is not answered.
#[derive(Debug, PartialEq)]
pub enum Refusal {
    /// The server does not take the credentials: no further attempt.
    Credentials(String),
    /// Something else: nothing was learnt about the credentials.
    Other(Failure),
}

/// What is sent back.
#[derive(PartialEq)]
pub struct Submission {
    /// Where to, usually relative to the host.
    pub post_back: String,
    /// Names and values in order; one of them is the password.
    pub fields: Vec<(String, String)>,
}

impl Form {
    /// Reads an `AuthenticateResponse`.
    pub fn read(root: &Element) -> Result<Form, Failure> {
        let requirements = root.at(&["authenticationrequirements"]);
        let rows = requirements.and_then(|r| r.child("requirements")).map_or(&[][..], |r| &r.children);
        let label = |row: &Element| {
            let is_error = row.text_at(&["label", "type"]).eq_ignore_ascii_case("error");
            is_error.then(|| words::shown(row.text_at(&["label", "text"])))
        };
        let text = |row: &&Element| row.text_at(&["credential", "id"]).is_empty();
        let texts = rows.iter().filter(text).map(|row| row.text_at(&["label", "text"]));
        let texts = texts.chain([root.text_at(&["logmessage"])]).filter(|text| !text.is_empty());
        Ok(Form {
            status: root.text_at(&["status"]).to_ascii_lowercase(),
            result: root.text_at(&["result"]).to_ascii_lowercase(),
            state: root.text_at(&["statecontext"]).to_owned(),
            post_back: requirements.map_or("", |r| r.text_at(&["postback"])).to_owned(),
            fields: rows.iter().map(Field::read).collect(),
            error: rows.iter().find_map(label),
            texts: texts.map(str::to_owned).collect(),
        })
    }

    /// Fills in the first form of a conversation.
    ///
    /// Fields are told apart by `Credential/Type`, never by their ids or labels, which are translated. A form that wants
    /// more than a user name, a domain and one password is not filled in: it is a second factor or a change of password.
    pub fn fill(&self, username: &str, password: &SecretText) -> Result<Submission, Refusal> {
        let fault = |text: String| Err(Refusal::Other(Failure::new(Reason::Auth, text)));
        self.check_status()?;
        if self.result != "more-info" {
            return fault(format!("the log-on ended before it began: {}", word(&self.result)));
        }
        if let Some(error) = &self.error {
            return fault(format!("the log-on form shows an error before anything was sent: {error}"));
        }
        if let Some(field) = self.fields.iter().find(|field| field.is_foreign()) {
            return fault(format!(
                "the log-on form wants a {}; only user name and password can be given",
                word(&field.kind)
            ));
        }
        let count = |kind: &str| self.fields.iter().filter(|field| field.kind == kind && field.is_input()).count();
        if (count("username"), count("password")) != (1, 1) || count("domain") > 1 {
            return fault("the log-on form does not want exactly one user name and one password".to_owned());
        }
        if self.post_back.is_empty() {
            return Err(Refusal::Other(Failure::new(Reason::Decode, "the log-on form does not say where to send it")));
        }
        let (domain, name) = match username.split_once('\\') {
            Some((domain, name)) if count("domain") == 1 => (Some(domain), name),
            _ => (None, username),
        };
        let mut fields = vec![("StateContext".to_owned(), self.state.clone())];
        let button =
            self.fields.iter().find(|field| !field.id.is_empty() && matches!(field.control, Control::Button(_)));
        for field in button.into_iter().chain(self.fields.iter().filter(|field| field.is_input())) {
            let value = match (field.kind.as_str(), &field.control) {
                ("username", _) => name.to_owned(),
                ("password", _) => password.expose().to_owned(),
                ("domain", control) => match control.domain(domain) {
                    Some(value) => value,
                    None => return fault("the log-on form does not offer the configured domain".to_owned()),
                },
                (_, Control::Button(text) | Control::Text(text) | Control::Choice { initial: text, .. }) => {
                    text.clone()
                }
                (_, Control::CheckBox | Control::None) => "false".to_owned(),
            };
            fields.push((field.id.clone(), value));
        }
        Ok(Submission { post_back: self.post_back.clone(), fields })
    }

    /// How a page is acknowledged that has nothing but a button: a confirmation, an information. `None`: it is no such page.
    pub fn acknowledgement(&self) -> Option<Submission> {
        let is_plain = self.check_status().is_ok() && self.result == "more-info" && self.error.is_none();
        let wants_more = self.fields.iter().any(|field| field.is_input() || field.is_foreign());
        let mut buttons = self.fields.iter().filter_map(|field| match &field.control {
            Control::Button(text) if !field.id.is_empty() => Some((field.id.clone(), text.clone())),
            _ => None,
        });
        let button = buttons.next().filter(|_| buttons.next().is_none())?;
        if !is_plain || wants_more || self.post_back.is_empty() {
            return None;
        }
        let fields = vec![("StateContext".to_owned(), self.state.clone()), button];
        Some(Submission { post_back: self.post_back.clone(), fields })
    }

    /// What a form means that comes after the credentials were sent: never success. The credentials are refused where the form
    /// says so, with an error or by asking for them again; anything else says nothing of them.
    pub fn after_credentials(&self) -> Refusal {
        if let Err(refusal) = self.check_status() {
            return refusal;
        }
        let asks_again = self.fields.iter().any(|field| field.kind == "password" && field.is_input());
        let text = match (self.result.as_str(), &self.error) {
            (_, Some(error)) => return Refusal::Credentials(format!("the log-on was refused: {error}")),
            ("more-info", None) if self.fields.iter().any(Field::is_foreign) => {
                "the log-on wants a second factor or a new password".to_owned()
            }
            ("more-info", None) if asks_again => {
                return Refusal::Credentials(self.with_texts("the log-on form came again".to_owned()));
            }
            ("more-info", None) => "the log-on shows a page that a monitor cannot answer".to_owned(),
            ("fail", None) => "the log-on failed without a word about the credentials".to_owned(),
            (result, None) => format!("the log-on ended without a token: {}", word(result)),
        };
        Refusal::Other(Failure::new(Reason::Auth, self.with_texts(text)))
    }

    /// The message with what the page says.
    fn with_texts(&self, mut message: String) -> String {
        words::add(&mut message, Some(words::shown(&self.texts.join(" "))));
        message
    }

    fn check_status(&self) -> Result<(), Refusal> {
        if self.result == "update-credentials" {
            let message = "the password has expired and must be changed".to_owned();
            return Err(Refusal::Credentials(self.with_texts(message)));
        }
        match self.status.as_str() {
            "success" | "" => Ok(()),
            // The authentication service's own trouble says nothing about the password.
            status => {
                let message = self.with_texts(format!("the log-on service says {}", word(status)));
                Err(Refusal::Other(Failure::new(Reason::Auth, message)))
            }
        }
    }
}

/// A word of the server's for a message.
fn word(text: &str) -> String {
    let word: String = text.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(40).collect();
    if word.is_empty() { "nothing".to_owned() } else { word }
}

impl Field {
    fn read(row: &Element) -> Field {
        let input = row.child("input");
        let control = input.and_then(|input| {
            input.children.iter().find_map(|control| {
                let initial = |name: &str| control.text_at(&[name]).to_owned();
                let is_fixed = control.text_at(&["readonly"]).eq_ignore_ascii_case("true");
                match control.name.as_str() {
                    "assistivetext" => None,
                    _ if is_fixed => Some(Control::None),
                    "button" => Some(Control::Button(control.text.clone())),
                    "checkbox" => Some(Control::CheckBox),
                    "combobox" | "radiobutton" | "multicombobox" => Some(Control::Choice {
                        initial: initial("initialselection"),
                        values: control.all("displayvalue").iter().map(|v| v.text_at(&["value"]).to_owned()).collect(),
                    }),
                    _ => Some(Control::Text(initial("initialvalue"))),
                }
            })
        });
        Field {
            id: row.text_at(&["credential", "id"]).to_owned(),
            kind: row.text_at(&["credential", "type"]).to_ascii_lowercase(),
            control: control.unwrap_or_default(),
        }
    }

    /// Whether it is sent back: it has an id and a control to write to, and is no button.
    fn is_input(&self) -> bool {
        !self.id.is_empty() && !matches!(self.control, Control::None | Control::Button(_))
    }

    /// Whether it wants what a monitor has not: a passcode, a new password, or something new.
    fn is_foreign(&self) -> bool {
        !matches!(self.kind.as_str(), "" | "none" | "username" | "domain" | "password" | "savecredentials")
    }
}

impl Control {
    /// The value for a field that wants the domain; without a domain of ours, what the form suggests.
    fn domain(&self, domain: Option<&str>) -> Option<String> {
        match (self, domain) {
            (Control::Choice { values, .. }, Some(domain)) => {
                values.iter().find(|value| value.eq_ignore_ascii_case(domain)).cloned()
            }
            (_, Some(domain)) => Some(domain.to_owned()),
            (Control::Choice { initial, .. } | Control::Text(initial), None) => Some(initial.clone()),
            (_, None) => Some(String::new()),
        }
    }
}

#[cfg(test)]
mod tests;
