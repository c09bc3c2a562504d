//! What reads settings, for [`fuzzing`](crate::fuzzing): any text in, what must hold of it.

use super::{
    size,
    yaml::{self, MAX_BYTES, Node, Value},
};

/// A size says the same when it is printed and read again.
pub fn size(text: &str) {
    if let Ok(bytes) = size::parse(text) {
        assert_eq!(size::parse(&size::print(bytes)), Ok(bytes), "{text:?}");
    }
}

/// A tree, or at least one problem; every place in it is in the file.
pub fn yaml(bytes: &[u8]) {
    let (tree, problems) = yaml::read(bytes, "fuzz.yml");
    let lines = bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
    for problem in &problems {
        assert!((1..=lines + 1).contains(&problem.mark.line), "{problem:?} of {lines} lines");
        assert!(!problem.message.is_empty());
    }
    assert!(bytes.len() <= MAX_BYTES || !problems.is_empty());
    if let Some(tree) = tree {
        check(&tree, lines + 1, 0);
    }
}

fn check(node: &Node, lines: usize, depth: usize) {
    assert!((1..=lines).contains(&node.mark.line) && node.mark.column >= 1, "{:?} of {lines} lines", node.mark);
    assert!(depth < 1000, "a tree so deep ends the stack of who reads it");
    match &node.value {
        Value::Scalar { .. } => {}
        Value::List(items) => items.iter().for_each(|item| check(item, lines, depth + 1)),
        Value::Map(entries) => {
            let mut keys: Vec<&str> = entries.iter().map(|entry| &*entry.key).collect();
            keys.sort_unstable();
            assert!(keys.windows(2).all(|pair| pair[0] != pair[1]), "every key once: {keys:?}");
            entries.iter().for_each(|entry| check(&entry.node, lines, depth + 1));
        }
    }
}
