//! Secrets and what is made of them. No message quotes one.

use reqwest::Url;

use crate::config::{
    Http,
    read::{Item, Section},
    secret::{Secret, SecretText, unfit},
    target::{Login, ProxyAuth},
};

/// `auth:`, which must be there.
pub(in crate::config) fn auth<'a>(section: &Section<'a>) -> Option<Section<'a>> {
    section.require("auth")?.section().map(Section::holding_secrets)
}

/// A secret `x` or its twin `x_file`, where one is given.
pub(in crate::config) fn secret(section: &Section<'_>, key: &'static str, file_key: &'static str) -> Option<Secret> {
    match (section.get(key), section.get(file_key)) {
        (Some(_), Some(file)) => {
            file.error(format!("{key} is given too; only one of the two can be"));
            None
        }
        (Some(item), None) => {
            let text = item.filled()?;
            if let Some((at, what)) = unfit(&text) {
                item.error(format!("has {what} at character {}", text[..at].chars().count() + 1));
                return None;
            }
            if text.starts_with("${") && text.ends_with('}') {
                item.warn("is taken as it stands: variables are not expanded; a file can be given as the twin setting");
            }
            Some(Secret::Inline(SecretText::new(text)))
        }
        (None, Some(item)) => Some(file(&item)?),
        (None, None) => None,
    }
}

/// A secret file. That it cannot be read now need not stop the daemon: it is read again at each use.
fn file(item: &Item<'_>) -> Option<Secret> {
    let secret = Secret::File(item.path()?);
    if let Err(failure) = secret.read() {
        match item.ctx.strict {
            true => item.error(failure.message),
            false => item.warn(failure.message),
        }
    }
    Some(secret)
}

/// A secret that must be given in one of the two ways.
pub(in crate::config) fn require_secret(
    section: &Section<'_>,
    key: &'static str,
    file_key: &'static str,
) -> Option<Secret> {
    let nothing = section.get(key).is_none() && section.get(file_key).is_none();
    if nothing {
        section.error(key, format!("is missing; give it here or as {file_key}"));
    }
    secret(section, key, file_key)
}

/// User name and password, which must both be given.
pub(in crate::config) fn login(section: &Section<'_>) -> Option<Login> {
    let username = section.require_text("username", 1..=260);
    let password = require_secret(section, "password", "password_file");
    Some(Login { username: username?, password: password? })
}

/// Credentials for a reverse proxy or an Alertmanager, where there are any.
pub(in crate::config) fn proxy_auth(section: Section<'_>) -> Option<ProxyAuth> {
    let section = section.holding_secrets();
    let basic = ["username", "password", "password_file"].map(|key| section.get(key).is_some()).contains(&true);
    let token = ["bearer_token", "bearer_token_file"].map(|key| section.get(key)).into_iter().flatten().next();
    let auth = match (basic, token) {
        (true, Some(token)) => {
            token.error("a user name and a bearer token cannot both be given");
            None
        }
        (true, None) => login(&section).map(ProxyAuth::Basic),
        (false, Some(_)) => secret(&section, "bearer_token", "bearer_token_file").map(ProxyAuth::Bearer),
        (false, None) => None,
    };
    section.finish();
    auth
}

/// Notes an error where credentials would go over plain HTTP to another machine.
pub(in crate::config) fn refuse_cleartext(item: &Item<'_>, url: &Url, has_credentials: bool, http: &Http) {
    let header = http.headers.iter().map(|(name, _)| name).find(|name| is_credential(name));
    if http.allows_credentials(url) {
        return;
    }
    let what = match header {
        _ if has_credentials => "credentials".to_owned(),
        Some(name) => format!("the header {name}"),
        None => return,
    };
    item.error(format!(
        "{what} would go over plain http to another machine; use https, or allow it with http.allow_cleartext_credentials: true"
    ));
}

/// Whether a header's name says that its value is a credential.
fn is_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["auth", "cookie", "token", "key", "secret", "password"].iter().any(|word| name.contains(word))
}
