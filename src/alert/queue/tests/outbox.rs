//! What the engine says, and which peers a configuration makes.

use std::path::Path;

use super::*;
use crate::{clock::Clock, config::Config};

fn config(mode: &str) -> Config {
    let text = format!(
        "targets: [{{ name: a, vendor: resilio, url: 'http://127.0.0.1:3840' }}]\n\
         alerting:\n  mode: {mode}\n  alertmanagers:\n  - url: http://127.0.0.1:9/am/\n  - url: http://127.0.0.1:9/am\n"
    );
    Config::parse(&text, "rollcall.yml", Path::new("")).expect("a valid configuration")
}

#[tokio::test(start_paused = true)]
async fn peers_of_one_url_have_labels_of_their_own_and_only_direct_mode_has_any() {
    let outbox = Outbox::new(Clock::at(START));
    outbox.apply(&config("direct").alerting).await.expect("no files are needed");
    let labels: Vec<_> = outbox.waiting().into_iter().map(|(label, _)| label).collect();
    assert_eq!(labels, ["http://127.0.0.1:9/am", "http://127.0.0.1:9/am#2"]);
    outbox.apply(&config("off").alerting).await.expect("no files are needed");
    assert!(outbox.waiting().is_empty());
}

#[test]
fn what_is_withdrawn_is_never_told_to_have_ended() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let outbox = Outbox::new(Clock::at(START));
        outbox.update(START, [firing(1), firing(2), resolved(3, START)].map(Change::Notify));
        outbox.withdraw(START, |alert| *alert != firing(1));
        let mut known = outbox.known();
        known.sort_by_key(|alert| alert.labels["pool"].clone());
        assert_eq!(known, [Arc::new(firing(1)), Arc::new(resolved(3, START))]);
        // An hour later the end is forgotten here as well.
        outbox.update(START.plus(60 * MINUTE), [Change::Notify(firing(1))]);
        assert_eq!(outbox.known(), [Arc::new(firing(1))]);
    });
}

#[test]
fn ends_of_ever_new_names_are_forgotten_beyond_the_bound() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let outbox = Outbox::new(Clock::at(START));
        for second in 0..150 {
            let now = START.plus(Duration::from_secs(second as u64));
            let ended = (second * 100..(second + 1) * 100).map(|name| Change::Notify(resolved(name, now)));
            outbox.update(now, ended.chain([Change::Notify(firing(usize::MAX))]));
        }
        let known = outbox.known();
        assert_eq!(known.len(), MOST_ENDED + 1, "what fires is never forgotten");
        assert!(known.contains(&Arc::new(firing(usize::MAX))));
    });
}
