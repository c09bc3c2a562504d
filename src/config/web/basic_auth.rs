//! `basic_auth_users`: names, and the bcrypt hashes of their passwords.

use bcrypt::HashParts;

use crate::config::{read::Item, secret::SecretText};

/// What a hash is made with.
const REMEDY: &str = "htpasswd -nBC 12 NAME prints one behind the colon";

/// From this cost on, one guess takes seconds of a processor.
const SLOW_COST: u32 = 15;

/// Who may ask.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// Name.
    pub name: String,
    /// The bcrypt hash of the password, as it stands in the file.
    pub hash: SecretText,
    /// Binary logarithm of the rounds.
    pub cost: u32,
}

/// Reads them; without the setting there are none. A hash is never shown, and neither is a key that may hold one.
pub(super) fn read(item: Option<Item<'_>>) -> Vec<User> {
    let mut users = Vec::new();
    let Some(item) = item else { return users };
    for entry in item.entries().unwrap_or_default() {
        if entry.node.is_null() {
            let message = "a user without a hash; is a colon missing?";
            item.ctx.error(&entry.mark, &item.path, message);
            continue;
        }
        let name: String = entry.key.chars().take(40).collect::<String>().escape_debug().collect();
        let value = Item { ctx: item.ctx, node: &entry.node, path: format!("{}.{name}", item.path) };
        if entry.key.contains(':') {
            item.ctx.error(&entry.mark, &value.path, "a colon ends a user's name in HTTP, so nobody could log on");
            continue;
        }
        let Some(hash) = value.text() else { continue };
        match cost(&hash) {
            Ok(cost) => {
                if cost >= SLOW_COST {
                    value.warn(format!(
                        "a cost of {cost} makes the first log-on of everybody wait for seconds, as one hash is computed at a time; 10 to 12 is usual"
                    ));
                }
                users.push(User { name: entry.key.clone(), hash: SecretText::new(hash), cost });
            }
            Err(message) => value.error(message),
        }
    }
    users
}

/// The cost of a hash that can be verified.
fn cost(hash: &str) -> Result<u32, String> {
    if !hash.starts_with("$2") {
        return Err(format!("is no bcrypt hash: it does not begin with $2y$, $2b$ or $2a$; {REMEDY}"));
    }
    let parts: HashParts = match hash.len() {
        60 => hash.parse().map_err(|_| format!("is no bcrypt hash; {REMEDY}"))?,
        length => return Err(format!("is no bcrypt hash: it has {length} bytes instead of 60; {REMEDY}")),
    };
    match parts.get_cost() {
        cost @ 4..=31 => Ok(cost),
        cost => Err(format!("has a cost of {cost}; bcrypt has 4 to 31")),
    }
}
