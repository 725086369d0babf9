use super::{Manifest, all};
use crate::repository::tree::Tree;

fn manifest(text: &str) -> Manifest {
    let tree = Tree::of([("a/b/Cargo.toml".to_owned(), text.to_owned())]);
    all(&tree).into_iter().next().expect("there is one")
}

fn packages(text: &str) -> Vec<String> {
    manifest(text).dependencies.into_iter().map(|dependency| dependency.package).collect()
}

#[test]
fn a_package_is_read_with_its_place() {
    let manifest = manifest("[package]\nname = \"brisk-x\"  # why\n[lib]\nname = \"other\"\n");
    assert_eq!(manifest.package.as_deref(), Some("brisk-x"));
    assert_eq!((manifest.path.as_str(), manifest.folder.as_str()), ("a/b/Cargo.toml", "a/b"));
}

#[test]
fn dependencies_are_read_in_every_form() {
    let text = "\
[dependencies]
# comment = 1
a = \"1\"
b.workspace = true
c = { package = \"real-c\", version = \"1\", features = [
  \"x = y\",
] }
d = { path = \"../d\" }

[dependencies.e]
version = \"1\"
package = \"real-e\"

[target.\"cfg(loom)\".dependencies]
f = \"1\"

[dev-dependencies]
g = \"1\"

[features]
h = []
";
    assert_eq!(packages(text), ["a", "b", "real-c", "d", "real-e", "f", "g"]);
    let read = manifest(text);
    assert!(read.dependencies[1].from_workspace && !read.dependencies[0].from_workspace);
    assert!(read.dependencies[3].by_path && !read.dependencies[2].by_path);
    assert_eq!(read.dependencies[3].line, 8);
}

#[test]
fn those_of_the_workspace_are_kept_apart() {
    let read = manifest("[workspace.dependencies]\na = \"1\"\nb = { path = \"b\" }\n");
    assert_eq!(read.dependencies.len(), 0);
    assert_eq!(read.workspace_dependencies.len(), 2);
    assert!(read.workspace_dependencies[1].by_path);
}

#[test]
fn programs_are_listed() {
    let read = manifest("[[bin]]\nname = \"a\"\ntest = false\n[[bin]]\nname = \"b\"\n");
    assert_eq!(read.programs, ["a", "b"]);
}

#[test]
fn benches_that_tests_do_not_run_are_seen() {
    let text = "[[bench]]\nname = \"a\"\ntest = true\n[[bench]]\nname = \"b\"\nharness = false\n";
    assert_eq!(manifest(text).benches_without_test, [4]);
}
