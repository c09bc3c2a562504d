//! What the state file keeps of a secret, to know it again after a restart.

use serde::{Deserialize, Serialize};

use crate::config::secret::SecretText;

/// 16 bits that stand for a secret: enough to see that it was changed, too little to find it out.
///
/// Whoever has a copy of the state file can try passwords against any hash in it, as long as it takes; what a slow hash and a
/// salt cost him is a matter of his patience. Of 16 bits he learns 16 bits: one in 65,536 wrong passwords has the same ones, so
/// that a guess is never proven, and trying the many that are left at the vendor is what locks the account. A changed secret
/// has the former one's bits as seldom; it is then held as long as that one was, and the remedies for a hold are those for
/// this.
///
/// There is no random key beside it: the key would be in the file as well, and each further file (a replica's, an older
/// backup's) would give away 16 other bits. So that all of them together give away no more than one, the tag depends on the
/// secret alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretTag(u16);

/// The domain of the hash, which no other program has. It never changes: see above.
const CONTEXT: &str = "rollcall 2026-11-27 tag of a secret in the state file";

impl SecretTag {
    /// The tag of a secret.
    pub fn of(secret: &SecretText) -> SecretTag {
        let [one, two, ..] = blake3::derive_key(CONTEXT, secret.expose().as_bytes());
        SecretTag(u16::from_be_bytes([one, two]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_the_same_in_every_file_and_proves_no_guess() {
        let tag = |text: &str| SecretTag::of(&SecretText::new(text));
        assert_eq!(tag("Kanarienvogel"), tag("Kanarienvogel"));
        assert_ne!(tag("Kanarienvogel"), tag("Kanarienvogel1"));
        assert_eq!(serde_json::to_string(&tag("")).expect("a number").parse::<u16>().ok(), Some(tag("").0));
        // Of 2,000 guesses some thirty have the tag of another one.
        let tags: std::collections::HashSet<SecretTag> = (0..2_000).map(|guess| tag(&guess.to_string())).collect();
        assert!(tags.len() < 2_000);
    }
}
