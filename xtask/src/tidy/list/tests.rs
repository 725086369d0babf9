use super::{Entry, read};
use crate::repository::tree::Tree;

fn lines(text: &str) -> (Vec<Entry>, usize) {
    let tree = Tree::of([("list.txt".to_owned(), text.to_owned())]);
    let (entries, findings) = read(&tree, "list.txt");
    (entries, findings.len())
}

#[test]
fn comments_are_dropped_and_notes_kept() {
    let (entries, findings) = lines("# head\n\na.rs  # why\nb.rs\n");
    let entry =
        |line, text: &str, note: &str| Entry { line, text: text.to_owned(), note: note.to_owned() };
    assert_eq!(entries, [entry(3, "a.rs", "why"), entry(4, "b.rs", "")]);
    assert_eq!(findings, 0);
}

#[test]
fn an_unsorted_or_doubled_entry_is_found() {
    assert_eq!(lines("b.rs\na.rs\n").1, 1);
    assert_eq!(lines("a.rs\na.rs\n").1, 1);
}

#[test]
fn a_missing_list_is_found() {
    assert_eq!(read(&Tree::default(), "list.txt").1.len(), 1);
}
