use hyper::{HeaderMap, Method};

use super::{
    super::super::stub::{Story, agents},
    *,
};

fn query(text: &str) -> Query {
    let query = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    Query::of(&Request {
        method: Method::GET,
        path: "/agents".to_owned(),
        query,
        headers: HeaderMap::new(),
        host: None,
    })
}

fn names(snapshots: &[Arc<Snapshot>], text: &str) -> Vec<String> {
    Found::of(snapshots, &query(text)).rows.iter().map(|(_, agent)| agent.name.to_owned()).collect()
}

#[test]
fn filters_search_and_order_come_from_the_address() {
    let all = [agents("a", Health::Healthy, 0..3), agents("b", Health::Failed, 3..5)].concat();
    let snapshots = [Story::new("one").poll(0, all).at(1)];
    assert_eq!(names(&snapshots, ""), ["agent-3", "agent-4", "agent-0", "agent-1", "agent-2"]);
    assert_eq!(names(&snapshots, "sort=name&pool=a&q=AGENT-1"), ["agent-1"]);
    assert_eq!(names(&snapshots, "health=failed&target=one"), ["agent-3", "agent-4"]);
    assert_eq!(names(&snapshots, "q=isfailed").len(), 2, "a state counts too");
    assert!(names(&snapshots, "target=two").is_empty() && !names(&snapshots, "health=&q=&pool=").is_empty());
    let found = Found::of(&snapshots, &query("health=failed"));
    assert_eq!((found.total, found.classes[Health::Healthy as usize]), (2, 3), "the bar still says how many are well");
    let asked = query("q=x&health=failed&pool=a&sort=newest");
    let expected = [("q", "x"), ("pool", "a"), ("health", "failed"), ("sort", "newest"), ("page", "2")];
    assert_eq!(asked.pairs(2), expected.map(|(name, value)| (name, value.to_owned())));
}

#[test]
fn every_agent_is_on_one_page_and_on_one_only() {
    let all = [agents("a", Health::Healthy, 0..155), agents("b", Health::Unknown, 155..260)].concat();
    let snapshots = [Story::new("one").poll(0, all).at(1)];
    for sort in ["worst", "newest", "oldest", "name"] {
        let mut seen: Vec<String> = Vec::new();
        for page in 1..=6 {
            seen.extend(names(&snapshots, &format!("sort={sort}&page={page}")));
        }
        assert_eq!(seen.len(), 260, "{sort}");
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 260, "{sort}");
    }
    assert_eq!(Found::of(&snapshots, &query("page=99")).page, (6, 6));
}
