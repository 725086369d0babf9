use std::path::{Path, PathBuf};

use brisk_memory::driver::SimulatedWorld;

use super::*;
use crate::checkpoint::{metadata::tests::sample, storage::tests};

const DURABLE: &str = "/job/chk-42";
const FILES: [&str; 3] = ["chk-42/worker-1.state", "chk-42/worker-2.state", "shared/s-1-12"];

fn opener(world: &SimulatedWorld) -> OpenDisk {
    let world = world.clone();
    Box::new(move || Ok(tests::disk(&world)))
}

/// A world with the files of the sample checkpoint, the second larger than a piece.
fn world() -> SimulatedWorld {
    let world = SimulatedWorld::from_seed(3);
    for (name, len) in FILES.iter().zip([100, PIECE_BYTES + 7, PIECE_BYTES]) {
        put(&world, name, len);
    }
    world
}

fn put(world: &SimulatedWorld, name: &str, len: usize) {
    let bytes: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
    tests::put(world, &format!("/job/{name}"), &bytes);
}

fn copies(are_read: bool) -> LocalCopies {
    LocalCopies::new(LocalSettings { folders: vec!["/tmp/a".into()], are_read })
}

fn complete(local: &mut LocalCopies, world: &SimulatedWorld) -> usize {
    let mut pieces = 0;
    while local.has_work() {
        local.work(&opener(world));
        pieces += 1;
    }
    pieces
}

fn read(world: &SimulatedWorld, path: &Path) -> Vec<u8> {
    tests::disk(world).read_file(path, 1 << 30).unwrap()
}

#[test]
fn files_are_copied_and_go_when_they_are_not_needed() {
    let (world, mut local, mut checkpoint) = (world(), copies(true), sample());
    assert_eq!(local.folder_of(checkpoint.id), None, "nothing yet");
    local.completed(&checkpoint, Path::new(DURABLE), &opener(&world));
    assert_eq!(complete(&mut local, &world), 5, "pieces");
    let folder = local.folder_of(checkpoint.id).unwrap();
    let at = |name: &str| folder.parent().unwrap().join(name);
    for name in FILES {
        assert!(
            read(&world, &at(name)) == read(&world, &PathBuf::from("/job").join(name)),
            "{name}"
        );
    }
    // The next one has the shared file too, and files of its own, of which one is gone.
    let before = checkpoint.id;
    checkpoint.id = before.next();
    put(&world, "chk-43/worker-1.state", 10);
    local.completed(&checkpoint, Path::new("/job/chk-43"), &opener(&world));
    assert_eq!(local.folder_of(before), None);
    assert_eq!(complete(&mut local, &world), 2, "one copy, and one that fails");
    assert_eq!(read(&world, &at("chk-43/worker-1.state")).len(), 10);
    let disk = tests::disk(&world);
    assert!(disk.files().metadata(&at("chk-42")).is_err(), "the old ones are gone");
    assert_eq!(disk.files().list(&at("chk-43")).unwrap().len(), 1);
    assert_eq!(disk.files().list(&at("shared")).unwrap().len(), 1);
    drop(local);
    assert!(disk.files().list(Path::new("/tmp/a")).unwrap().is_empty(), "gone with the job");
}

#[test]
fn copies_that_are_not_to_be_read_are_made_all_the_same() {
    let (world, mut local) = (world(), copies(false));
    local.completed(&sample(), Path::new(DURABLE), &opener(&world));
    assert_eq!(complete(&mut local, &world), 5);
    assert_eq!(local.folder_of(sample().id), None);
}

#[test]
fn what_a_dead_process_left_is_removed_and_that_of_others_is_not() {
    let world = world();
    tests::put(&world, "/tmp/a/brisk-local-1-0/chk-9/worker-0.state", b"left");
    tests::put(&world, "/tmp/a/other/file", b"not ours");
    let (mut one, mut other) = (copies(true), copies(true));
    for local in [&mut one, &mut other] {
        local.completed(&sample(), Path::new(DURABLE), &opener(&world));
        complete(local, &world);
    }
    let list = || tests::disk(&world).files().list(Path::new("/tmp/a")).unwrap();
    assert_eq!(list().len(), 3, "{:?}", list());
    drop((one, other));
    assert_eq!(list(), [PathBuf::from("/tmp/a/other")]);
}
