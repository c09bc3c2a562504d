//! What a session keeps.

use super::*;

#[test]
fn challenges_of_ever_new_urls_do_not_pile_up() {
    let mut all = HashMap::new();
    let url = |index: usize| -> Url { format!("https://sf.example.com/{index}").parse().expect("a URL") };
    let known = || KnownChallenge { challenge: Challenge::default(), by_root: false };
    for index in 0..1000 {
        remember(&mut all, &url(index), known());
        assert!(all.len() <= MAX_KNOWN_CHALLENGES && all.contains_key(url(index).as_str()));
    }
    let before = all.len();
    remember(&mut all, &url(999), known());
    assert_eq!(all.len(), before);
}
