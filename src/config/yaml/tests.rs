//! Texts in, trees or problems out.

use super::*;

/// A tree in one line: `{key:value, list:[1, 2]}`; quoted scalars in quotes.
fn show(node: &Node) -> String {
    match &node.value {
        Value::Scalar { text, plain: true } => text.clone(),
        Value::Scalar { text, .. } => format!("{text:?}"),
        Value::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(", ")),
        Value::Map(entries) => {
            let entries: Vec<String> = entries.iter().map(|e| format!("{}:{}", e.key, show(&e.node))).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

fn tree(text: &str) -> String {
    let (tree, problems) = read(text.as_bytes(), "x.yml");
    assert_eq!(problems, [], "{text}");
    tree.as_ref().map(show).unwrap_or_default()
}

fn problems(bytes: impl AsRef<[u8]>) -> Vec<String> {
    read(bytes.as_ref(), "x.yml").1.iter().map(ToString::to_string).collect()
}

#[test]
fn scalars_stay_as_written() {
    assert_eq!(
        tree("{a: 0123, b: '0123', c: 1e3, d: yes, e: !!str 7, f: }"),
        r#"{a:0123, b:"0123", c:1e3, d:yes, e:"7", f:~}"#
    );
}

#[test]
fn a_byte_order_mark_is_dropped() {
    assert_eq!(tree("\u{feff}a: 1\n"), "{a:1}");
}

#[test]
fn merge_keys_fill_what_is_not_given() {
    let text = "one: &one {a: 1, b: 1}\ntwo: &two {b: 2, c: 2}\nall:\n  <<: [*one, *two]\n  a: 0\n";
    assert_eq!(tree(text), "{one:{a:1, b:1}, two:{b:2, c:2}, all:{a:0, b:1, c:2}}");
}

#[test]
fn syntax_errors_name_their_place() {
    for (text, expected) in [
        ("a: 1\n\tb: 2\n", "x.yml:2:1: a tab cannot indent in YAML; use spaces"),
        ("a: [1, 2\n", "x.yml:1:4: [ is opened and never closed"),
        ("a: 'x\n", "x.yml:2:1: a quote is still open here, or the lines within it are not indented"),
        ("a: @x\n", "x.yml:1:4: a value that begins with this character must be in quotes"),
        (
            "a: b: c\n",
            "x.yml:1:5: no key can stand here; a value that contains \": \" must be in quotes, and an indentation may be wrong",
        ),
        ("a: 1\na: 2\n", "x.yml:2:1: \"a\" is given twice, first in line 1"),
        (
            "a: *b\n",
            "x.yml:1:4: no anchor of this name stands before this alias; a value that begins with * must be in quotes",
        ),
        ("a: !b c\n", "x.yml:1:7: tags are not used here; a value that begins with ! must be in quotes"),
        ("a: &a [*a]\n", "x.yml:1:8: an alias cannot stand for what it is a part of"),
        ("a: {[1]: 2}\n", "x.yml:1:5: a key must be a text"),
        ("a: 1\n---\nb: 2\n", "x.yml:2:1: a second document begins here; a file holds one"),
        ("<<: 1\n", "x.yml:1:5: << takes a mapping or a list of mappings"),
        (
            "a: \"\\d\"\n",
            "x.yml:1:4: unknown escape in double quotes; in single quotes a backslash is only a backslash",
        ),
    ] {
        assert_eq!(problems(text), [expected], "{text}");
    }
}

#[test]
fn all_duplicate_keys_are_told() {
    assert_eq!(problems("a: 1\na: 2\nb: {c: 1, c: 2}\n").len(), 2);
}

#[test]
fn other_encodings_are_told() {
    assert_eq!(problems(b"\xff\xfea\0"), ["x.yml:1:1: the file is in UTF-16; save it as UTF-8"]);
    assert_eq!(problems(b"a: 1\nb: \xe9\n"), ["x.yml:2:4: the file is not in UTF-8 from here on"]);
}

#[test]
fn a_billion_laughs_are_not_laughed() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..12 {
        let items = vec![format!("*a{}", i - 1); 10].join(", ");
        text.push_str(&format!("a{i}: &a{i} [{items}]\n"));
    }
    assert_eq!(problems(&text), ["x.yml:6:25: the aliases of this file add more than 500000 values"]);
}

#[test]
fn deep_nesting_is_an_error_and_not_an_overflow() {
    assert_eq!(problems("[".repeat(100_000)), ["x.yml:1:256: nested too deeply"]);
    assert_eq!(problems("- ".repeat(100_000)).len(), 1);
}

#[test]
fn no_text_at_all_is_no_tree() {
    for text in ["", "# nothing\n", "---\n", "\u{feff}"] {
        let (tree, problems) = read(text.as_bytes(), "x.yml");
        assert!(tree.as_ref().is_none_or(Node::is_null), "{text:?}");
        assert_eq!(problems, []);
    }
}

#[test]
fn no_message_is_the_readers_own() {
    for text in [
        "targets:\n  - name: a\n   vendor: b\n",
        "targets:\n  - name: a\n  vendor: x\n",
        "- name: a\n    password: 'it's'\n",
        "a: 'it's'\n",
        "a: \"it\"s\"\n",
        "a: {b: 1 c: 2}\n",
        "a: {b: 1\nc: 2\n",
        "a: [1 2\n- b\n",
        "a: |x\n b\n",
        "a: >0\n b\n",
        "%YAML 3\n---\na: {b\n",
        "%TAG x\n---\na: b\n",
        "a\nb: c\n",
        "a: \"\\u12\"\n",
        "a: \"\\ud800\"\n",
        "a: \"b\n---\nc\"\n",
        "a: !<b c\n",
        "a: &\n",
        "? a\n? b\n: c: d\n",
        "...\n}\n",
        "-\ta:\n\t- b\n",
        "a: 1\nb\nc: 2\n",
    ] {
        for problem in problems(text) {
            for word in ["while ", "expected", "scalar", "EOF", "indicator", "internal"] {
                assert!(!problem.contains(word), "{text:?}: {problem}");
            }
        }
    }
    let indented = "this line fits none above it";
    assert!(problems("targets:\n  - name: a\n   vendor: b\n")[0].contains(indented));
    assert!(problems("a: 'it's'\n")[0].contains("written twice"));
}
