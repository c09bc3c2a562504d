//! The data go one way: no room of `src` uses one that uses it.
//!
//! A room is a top-level module of the library with all that is below it. What counts is every path that begins with
//! `crate`, in imports, expressions and macros alike, outside of tests.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// For each room the rooms that it uses, and a file that shows it.
type Edges = BTreeMap<String, BTreeMap<String, PathBuf>>;

#[test]
fn no_room_uses_one_that_uses_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let edges = edges(&src);
    assert!(edges.len() > 15 && edges["poll"].contains_key("api"), "the imports were not read: {edges:?}");
    if let Some(cycle) = cycle(&edges) {
        panic!("the rooms of src form a cycle:\n{cycle}");
    }
}

#[test]
fn a_cycle_is_found_and_named() {
    let planted = |uses: &[(&str, &str)]| {
        let mut edges = Edges::new();
        for (room, used) in uses {
            let file = PathBuf::from(format!("{room}.rs"));
            edges.entry((*room).to_owned()).or_default().insert((*used).to_owned(), file);
        }
        cycle(&edges)
    };
    assert_eq!(planted(&[("poll", "api"), ("api", "clock"), ("web", "poll")]), None);
    let found = planted(&[("poll", "api"), ("api", "http"), ("http", "poll"), ("web", "poll")]).expect("three rooms");
    assert!(found.contains("http uses poll (http.rs)") && !found.contains("web"), "{found}");
}

#[test]
fn every_way_to_name_a_room_is_read() {
    let code = "
        use crate::{alert::{self, queue}, clock::Clock};
        use crate::poll;
        fn f() { crate::web::g(); println!(\"{}\", crate::http::h()); }
        #[cfg(test)] use crate::sim;
        #[cfg(test)] mod tests { use crate::daemon::Daemon; }
        #[cfg(test)] pub static S: u8 = crate::shard::N;
        /// [`crate::snapshot`]
        #[derive(Debug)] pub struct T(crate::health::Health);
    ";
    let mut rooms = BTreeSet::new();
    collect(code.parse().expect("it is Rust"), &mut rooms);
    assert_eq!(rooms.into_iter().collect::<Vec<_>>(), ["alert", "clock", "health", "http", "poll", "web"]);
}

fn edges(src: &Path) -> Edges {
    let mut edges = Edges::new();
    for entry in fs::read_dir(src).expect("src is there").map(|entry| entry.expect("it can be read").path()) {
        let room = entry.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        // The simulator is a crate of its own, and these two hold everything together.
        if ["sim", "main", "lib"].contains(&room.as_str()) {
            continue;
        }
        for file in files(&entry) {
            let code = fs::read_to_string(&file).expect("it can be read");
            let mut used = BTreeSet::new();
            collect(code.parse().unwrap_or_else(|error| panic!("{}: {error}", file.display())), &mut used);
            let all = edges.entry(room.clone()).or_default();
            for other in used.into_iter().filter(|other| *other != room) {
                all.entry(other).or_insert_with(|| file.strip_prefix(src).unwrap_or(&file).to_owned());
            }
        }
    }
    edges
}

/// The files of Rust at and below a path that are no tests.
fn files(path: &Path) -> Vec<PathBuf> {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    if ["tests", "stub"].contains(&stem) {
        return Vec::new();
    }
    if path.is_dir() {
        let entries = fs::read_dir(path).expect("it is a folder");
        return entries.flat_map(|entry| files(&entry.expect("it can be read").path())).collect();
    }
    if path.extension().is_some_and(|extension| extension == "rs") { vec![path.to_owned()] } else { Vec::new() }
}

/// Adds the first name of every path that begins with `crate`; what stands under `#[cfg(test)]` is passed over.
fn collect(stream: TokenStream, rooms: &mut BTreeSet<String>) {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Punct(punct) if punct.as_char() == '#' && is_cfg_test(tokens.get(at + 1)) => {
                at += 2;
                let ends = |token: &TokenTree| match token {
                    TokenTree::Punct(punct) => punct.as_char() == ';',
                    TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                    _ => false,
                };
                // `use a::{b};` ends with its semicolon.
                while at < tokens.len() && !ends(&tokens[at]) {
                    at += 1;
                }
            }
            TokenTree::Ident(ident) if *ident == "crate" && is_path(&tokens[at + 1..]) => match tokens.get(at + 3) {
                Some(TokenTree::Ident(room)) => _ = rooms.insert(room.to_string()),
                Some(TokenTree::Group(list)) => first_names(list.stream(), rooms),
                _ => {}
            },
            TokenTree::Group(group) => collect(group.stream(), rooms),
            _ => {}
        }
        at += 1;
    }
}

fn is_path(tokens: &[TokenTree]) -> bool {
    let is_colon = |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    is_colon(tokens.first()) && is_colon(tokens.get(1))
}

fn is_cfg_test(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Group(group)) if group.stream().to_string().replace(' ', "") == "cfg(test)")
}

/// `a::b, c::{d, e}` has `a` and `c`.
fn first_names(list: TokenStream, rooms: &mut BTreeSet<String>) {
    let mut is_first = true;
    for token in list {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == ',' => is_first = true,
            TokenTree::Ident(ident) if is_first => {
                rooms.insert(ident.to_string());
                is_first = false;
            }
            _ => is_first = false,
        }
    }
}

/// The edges of a cycle, a line each; none where rooms can be taken away one by one that use no other that is left.
fn cycle(edges: &Edges) -> Option<String> {
    let mut left: BTreeSet<&String> = edges.keys().collect();
    loop {
        let is_used = |room: &&String| left.iter().any(|other| edges[*other].contains_key(*room));
        let uses = |room: &&String| edges[*room].keys().any(|other| left.contains(other));
        let next: BTreeSet<&String> = left.iter().copied().filter(|room| uses(room) && is_used(room)).collect();
        if next.len() == left.len() {
            break;
        }
        left = next;
    }
    let within = left.iter().flat_map(|room| {
        let used = edges[*room].iter().filter(|(other, _)| left.contains(other));
        used.map(move |(other, file)| format!("{room} uses {other} ({})", file.display()))
    });
    let lines: Vec<String> = within.collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}
