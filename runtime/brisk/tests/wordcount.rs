//! Word counts equal those of a plain program, at any parallelism, from one file and from many.

#[path = "support/mod.rs"]
mod support;
#[path = "support/words.rs"]
mod words;

use std::{fs, io::Write, path::Path, path::PathBuf};
use support::{assert_all_returned, cluster, environment};
use words::{count, expected, lines_of, text_of};

/// Texts of all sizes; together some 6 MB.
fn texts() -> Vec<String> {
    let lines = |file: u64| if file.is_multiple_of(10) { 12_000 } else { file * file % 300 };
    let mut texts: Vec<String> = (0..40).map(|file| text_of(file, lines(file))).collect();
    texts.push(String::new());
    texts.push(String::from("no newline at_the_end"));
    texts
}

fn write_packed(path: &Path, text: &str) {
    let name = path.to_str().expect("paths of tests are text");
    if name.ends_with(".gz") {
        let file = fs::File::create(path).expect("a new file");
        let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).expect("room for a file");
        encoder.finish().expect("room for a file");
    } else if name.ends_with(".zst") {
        let packed = zstd::encode_all(text.as_bytes(), 1).expect("text can be packed");
        fs::write(path, packed).expect("room for a file");
    } else {
        fs::write(path, text).expect("room for a file");
    }
}

/// The texts as a tree of folders, every third file packed.
fn plant(folder: &Path, texts: &[String]) {
    for (number, text) in texts.iter().enumerate() {
        let nested = ["a", "a/b", "a/b/c", "d"][number % 4];
        let extension = ["txt", "gz", "txt", "zst", "c", "txt"][number % 6];
        let folder = folder.join(nested);
        fs::create_dir_all(&folder).expect("a new folder");
        write_packed(&folder.join(format!("file{number}.{extension}")), text);
    }
}

/// Counts `inputs` at all parallelisms, chained and not.
fn check(inputs: &[PathBuf], expected: &[String]) {
    let cluster = cluster(&[], 4);
    for parallelism in [1, 2, 4, 7] {
        let env = environment(&cluster, parallelism);
        let output = tempfile::tempdir().expect("a folder for output");
        count(env, inputs, output.path()).expect("the job runs");
        assert!(lines_of(output.path()) == expected, "parallelism {parallelism}");
    }
    assert_all_returned(&cluster);
}

#[test]
fn from_a_tree_of_files() {
    let (tree, texts) = (tempfile::tempdir().unwrap(), texts());
    plant(tree.path(), &texts);
    let expected = expected(texts.iter().map(String::as_str));
    check(&[tree.path().to_path_buf()], &expected);
}

#[test]
fn from_several_folders_and_a_pattern() {
    let (tree, texts) = (tempfile::tempdir().unwrap(), texts());
    plant(tree.path(), &texts);
    let expected = expected(texts.iter().map(String::as_str));
    check(&[tree.path().join("a"), tree.path().join("d/*")], &expected);
}

#[test]
fn from_one_file_of_all() {
    let (folder, all) = (tempfile::tempdir().unwrap(), texts().concat());
    let expected = expected([all.as_str()]);
    for name in ["all.txt", "all.gz", "all.zst"] {
        let file = folder.path().join(name);
        write_packed(&file, &all);
        check(&[file], &expected);
    }
}
