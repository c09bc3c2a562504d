//! Passwords in, verdicts out. The rows are those of the exporter-toolkit's own tests.

use std::{collections::HashSet, net::IpAddr, time::Instant};

use futures_util::future::join_all;

use super::*;

/// Users whose password is their name with 123 behind it, at the least cost that bcrypt has.
fn users(names: &[&str]) -> Users {
    let user = |name: &&str| {
        let hash = bcrypt::hash_with_salt(format!("{name}123"), 4, [7; 16]).expect("a cost that bcrypt has");
        User { name: (*name).to_owned(), hash: SecretText::new(hash.to_string()), cost: 4 }
    };
    Users::new(&names.iter().map(user).collect::<Vec<_>>())
}

fn basic(name: &str, password: &str) -> HeaderMap {
    authorization(&format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{password}"))))
}

fn authorization(value: &str) -> HeaderMap {
    HeaderMap::from_iter([(AUTHORIZATION, value.parse().expect("a value"))])
}

fn peer(number: u8) -> Peer {
    Peer::Ip(IpAddr::from([10, 0, 0, number]))
}

#[tokio::test]
async fn only_a_user_with_the_right_password_comes_in() {
    let (auth, users) = (BasicAuth::default(), users(&["alice", "dave"]));
    let alice = BASE64_STANDARD.encode("alice:alice123");
    for (headers, expected) in [
        (HeaderMap::new(), Verdict::Unknown),
        (basic("dave", "dave123"), Verdict::Known),
        (basic("alice", "alice123"), Verdict::Known),
        (basic("dave", "bad"), Verdict::Unknown),
        (basic("dave", ""), Verdict::Unknown),
        (basic("nonexistent", "nonexistent"), Verdict::Unknown),
        (basic("", ""), Verdict::Unknown),
        (authorization(&format!("bAsIc {alice}")), Verdict::Known),
        (authorization(&format!("Bearer {alice}")), Verdict::Unknown),
        (authorization("Basic"), Verdict::Unknown),
        (authorization("Basic !!!"), Verdict::Unknown),
        (authorization(&format!("Basic {}", BASE64_STANDARD.encode("alice"))), Verdict::Unknown),
        (authorization(&format!("Basic {}", BASE64_STANDARD.encode(b"\xff\xfe:alice123"))), Verdict::Unknown),
    ] {
        // The second time it is known already, or is not.
        for _ in 0..2 {
            assert_eq!(auth.verify(&users, &headers, Peer::Local).await, expected, "{headers:?}");
        }
    }
    assert_eq!(auth.verify(&Users::default(), &HeaderMap::new(), Peer::Local).await, Verdict::Known);
}

/// What stands in for the hash of nobody is no password of anybody.
#[tokio::test]
async fn nobody_logs_on_as_nobody() {
    let (auth, users) = (BasicAuth::default(), users(&["alice"]));
    for _ in 0..2 {
        assert_eq!(auth.verify(&users, &basic("fakeuser", "fakepassword"), Peer::Local).await, Verdict::Unknown);
    }
}

/// CVE-2022-46146: a name with a hash at its end made the cache believe that the rest was proved.
#[tokio::test]
async fn what_is_kept_cannot_be_poisoned() {
    let (auth, users) = (BasicAuth::default(), users(&["alice"]));
    let hash = users.hash_of(b"alice").0.expose().to_owned();
    assert_eq!(auth.verify(&users, &basic(&format!("alice{hash}"), "fakepassword"), peer(1)).await, Verdict::Unknown);
    let (nobody, is_user) = users.hash_of(b"bob");
    assert!(!is_user);
    let login = basic("alice", &format!("{}fakepassword", nobody.expose()));
    assert_eq!(auth.verify(&users, &login, peer(1)).await, Verdict::Unknown);
    let digest = |name: &[u8], hash: &str, password: &[u8]| auth.proofs.digest(name, hash, password);
    assert_ne!(digest(b"a", "bc", b"d"), digest(b"ab", "c", b"d"));
    assert_ne!(digest(b"a", "b", b"cd"), digest(b"a", "bc", b"d"));
}

#[tokio::test]
async fn a_changed_hash_forgets_the_old_password() {
    let auth = BasicAuth::default();
    let before = users(&["alice"]);
    assert_eq!(auth.verify(&before, &basic("alice", "alice123"), peer(1)).await, Verdict::Known);
    let hash = bcrypt::hash_with_salt("other", 4, [9; 16]).expect("a cost that bcrypt has").to_string();
    let after = Users::new(&[User { name: "alice".to_owned(), hash: SecretText::new(hash), cost: 4 }]);
    assert_eq!(auth.verify(&after, &basic("alice", "alice123"), peer(1)).await, Verdict::Unknown);
    assert_eq!(auth.verify(&after, &basic("alice", "other"), peer(1)).await, Verdict::Known);
    assert_eq!(
        auth.verify(&Users::new(&[]), &basic("alice", "other"), peer(1)).await,
        Verdict::Known,
        "nobody has to be one"
    );
}

/// A right password is proved once, and what is kept is one digest for each user, whatever is guessed.
#[tokio::test]
async fn guesses_are_not_kept() {
    let (auth, users) = (BasicAuth::default(), users(&["alice"]));
    assert_eq!(auth.verify(&users, &basic("alice", "alice123"), peer(1)).await, Verdict::Known);
    for n in 0..200 {
        let guess = basic(if n % 2 == 0 { "alice" } else { "mallory" }, &n.to_string());
        assert_eq!(auth.verify(&users, &guess, peer(2)).await, Verdict::Unknown);
    }
    assert_eq!(auth.proofs.by_name.lock().expect("no panic").len(), 1);
    assert_eq!(auth.verify(&users, &basic("alice", "alice123"), peer(1)).await, Verdict::Known);
}

#[tokio::test]
async fn many_at_once_are_each_told_right() {
    let (auth, users) = (BasicAuth::default(), users(&["alice"]));
    let all = (0..150).flat_map(|n| [(n, "alice123", Verdict::Known), (n, "alice1234", Verdict::Unknown)]);
    let all = all.map(async |(n, password, expected)| {
        loop {
            match auth.verify(&users, &basic("alice", password), peer(n)).await {
                // As a client that comes again.
                Verdict::Busy => tokio::task::yield_now().await,
                verdict => return verdict == expected,
            }
        }
    });
    assert!(join_all(all).await.iter().all(|right| *right));
}

/// By construction: whoever is known is answered at once, without the thread that hashes, however much waits for it.
#[tokio::test]
async fn while_guesses_are_hashed_a_known_password_waits_for_none_of_them() {
    let auth = BasicAuth::default();
    let users = users(&["prometheus"]);
    let login = basic("prometheus", "prometheus123");
    assert_eq!(auth.verify(&users, &login, peer(1)).await, Verdict::Known);
    // A guess that never ends holds the thread.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let stuck = auth.queue.run(peer(2), move || held.recv().is_ok());
    let mut stuck = Box::pin(stuck);
    assert!(futures_util::poll!(stuck.as_mut()).is_pending());
    for _ in 0..100 {
        let verdict = auth.verify(&users, &login, peer(1));
        let mut verdict = Box::pin(verdict);
        assert_eq!(futures_util::poll!(verdict.as_mut()), std::task::Poll::Ready(Verdict::Known));
    }
    drop(release);
    assert_eq!(stuck.await, Ok(false));
}

/// A name that is not there has the cost of one that is, and always the same one.
#[test]
fn an_unknown_name_costs_what_a_known_one_does() {
    let user = |name: &str, cost: u32| {
        let hash = SecretText::new(format!("$2y${cost:02}${NOBODY}"));
        User { name: name.to_owned(), hash, cost }
    };
    let cost = |hash: &SecretText| hash.expose().parse::<bcrypt::HashParts>().expect("a hash").get_cost();
    let same = Users::new(&[user("a", 12), user("b", 12)]);
    assert!((0..50).all(|n| cost(&same.hash_of(format!("x{n}").as_bytes()).0) == 12));
    let mixed = Users::new(&[user("a", 5), user("b", 7)]);
    let of = |n: u32| cost(&mixed.hash_of(format!("x{n}").as_bytes()).0);
    assert_eq!((0..100).map(of).collect::<HashSet<u32>>(), HashSet::from([5, 7]));
    assert!((0..100).all(|n| of(n) == of(n)));
}

/// The same in time, as far as a busy machine can tell: the quickest of several of each.
#[test]
fn a_hash_for_nobody_takes_its_time() {
    let users = users(&["alice"]);
    let quickest = |name: &[u8]| {
        let (hash, _) = users.hash_of(name);
        let time = |_| {
            let begun = Instant::now();
            assert_eq!(bcrypt::verify("guess", hash.expose()).ok(), Some(false));
            begun.elapsed()
        };
        (0..20).map(time).min().expect("twenty")
    };
    let (known, unknown) = (quickest(b"alice"), quickest(b"mallory"));
    assert!(unknown * 2 > known && known * 2 > unknown, "{known:?} and {unknown:?}");
}
