//! Tokens, kept for the service they were made for until shortly before their end.

use std::{collections::HashMap, time::Duration};

use reqwest::Url;

use super::reply::IssuedToken;
use crate::{clock::UnixTime, config::secret::SecretText};

/// More tokens are not kept: a target needs a handful, and a server may name a new service with every challenge.
const MAX_TOKENS: usize = 64;

/// What a token is good for: a service, at one scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The service's id.
    pub realm: String,
    origin: String,
}

impl Scope {
    /// The service of this id behind this URL.
    pub fn new(realm: &str, url: &Url) -> Scope {
        Scope { realm: realm.to_owned(), origin: url.origin().ascii_serialization() }
    }
}

/// All tokens of a target. None of them is ever printed.
#[derive(Debug, Default)]
pub struct Tokens {
    tokens: HashMap<Scope, (SecretText, UnixTime)>,
}

impl Tokens {
    /// A token that is good for a while yet.
    pub fn get(&self, scope: &Scope, now: UnixTime) -> Option<SecretText> {
        let (token, until) = self.tokens.get(scope)?;
        (now < *until).then(|| token.clone())
    }

    /// Keeps a token that was received at `now`: until a minute before its end, or until 80 % of a short life are over.
    pub fn insert(&mut self, scope: Scope, issued: &IssuedToken, now: UnixTime) {
        let most = issued.lifetime.saturating_sub(Duration::from_secs(60));
        let until = now.plus(most.max(issued.lifetime.mul_f64(0.8)));
        if self.tokens.len() >= MAX_TOKENS && !self.tokens.contains_key(&scope) {
            let first = self.tokens.iter().min_by_key(|(_, (_, until))| *until).map(|(scope, _)| scope.clone());
            first.map(|scope| self.tokens.remove(&scope));
        }
        self.tokens.insert(scope, (issued.token.clone(), until));
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Lets go of those that have ended.
    pub fn drop_ended(&mut self, now: UnixTime) {
        self.tokens.retain(|_, (_, until)| now < *until);
    }

    /// Lets go of a token that was refused.
    pub fn remove(&mut self, scope: &Scope) {
        self.tokens.remove(scope);
    }

    /// Lets go of all.
    pub fn clear(&mut self) {
        self.tokens.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_kept_until_shortly_before_its_end() {
        let url: Url = "https://sf.example.com/Citrix/Store".parse().expect("a URL");
        let scope = Scope::new("realm", &url);
        let start = UnixTime::from_secs(1_000);
        for (lifetime, kept) in [(72_000, 71_940), (3600, 3540), (100, 80), (30, 24)] {
            let mut tokens = Tokens::default();
            let lifetime = Duration::from_secs(lifetime);
            let issued = IssuedToken { token: SecretText::new("t"), lifetime, password_expiry: None };
            tokens.insert(scope.clone(), &issued, start);
            let end = start.plus(Duration::from_secs(kept));
            assert!(tokens.get(&scope, UnixTime(end.0 - 1)).is_some(), "{lifetime:?}");
            assert!(tokens.get(&scope, end).is_none(), "{lifetime:?}");
        }
    }

    #[test]
    fn tokens_that_have_ended_go_and_there_are_never_too_many() {
        let url: Url = "https://sf.example.com/".parse().expect("a URL");
        let start = UnixTime::from_secs(1_000);
        let mut tokens = Tokens::default();
        for index in 0..100 {
            let lifetime = Duration::from_secs(1000 + index);
            let issued = IssuedToken { token: SecretText::new("t"), lifetime, password_expiry: None };
            tokens.insert(Scope::new(&format!("realm {index}"), &url), &issued, start);
        }
        assert_eq!(tokens.tokens.len(), MAX_TOKENS);
        assert!(tokens.get(&Scope::new("realm 35", &url), start).is_none(), "those that end first make room");
        assert!(tokens.get(&Scope::new("realm 36", &url), start).is_some());
        tokens.drop_ended(start.plus(Duration::from_secs(1000 + 89 - 60)));
        assert_eq!(tokens.tokens.len(), 10);
        tokens.drop_ended(start.plus(Duration::from_secs(5000)));
        assert!(tokens.tokens.is_empty());
    }

    #[test]
    fn a_token_is_for_one_service_at_one_origin() {
        let url = |text: &str| -> Url { text.parse().expect("a URL") };
        let here = Scope::new("realm", &url("https://sf.example.com/Citrix/Store/resources/v2"));
        assert_eq!(here, Scope::new("realm", &url("https://sf.example.com:443/other")));
        for other in ["https://sf.example.com:444/", "http://sf.example.com/", "https://other.example.com/"] {
            assert_ne!(here, Scope::new("realm", &url(other)), "{other}");
        }
        assert_ne!(here, Scope::new("other", &url("https://sf.example.com/")));
        let tokens = Tokens::default();
        assert!(!format!("{tokens:?}").contains("secret-token"));
    }
}
