use std::io;
use std::sync::Arc;

use brisk_memory::driver::{DriverKind, Faults, Files, PerMillion, PlannedFault, SimulatedWorld};

use super::*;
use crate::files::{ListOptions, SplitRule, assign, cut, list};
use crate::format::{InvalidUtf8, LineOptions, TextLines};
use crate::task_io::tests::DriverIo;

const KINDS: [DriverKind; 2] = [DriverKind::Auto, DriverKind::Epoll];

/// Reads some work to its end, with a pause after every `pause_every` lines.
fn read(work: Work, io: &mut DriverIo, pause_every: usize) -> Result<Vec<String>, ConnectError> {
    let owned: u64 = work.splits.iter().map(FileSplit::bytes).sum();
    let framing = TextLines::new(LineOptions::default(), InvalidUtf8::Replace);
    let mut reader = FileReader::new(work, framing);
    let mut lines = Vec::new();
    let mut progress = 0;
    loop {
        reader.pump(io)?;
        let parsed = reader.parse(&mut |line: &str| {
            lines.push(line.to_owned());
            match lines.len() % pause_every {
                0 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        })?;
        progress += reader.take_progress();
        match parsed {
            Parsed::Wait => io.wait(),
            Parsed::Ended => break,
            Parsed::Chunk | Parsed::Paused => {}
        }
    }
    assert_eq!(progress, owned);
    Ok(lines)
}

fn work_of(folder: &std::path::Path, subtasks: u32) -> Vec<Work> {
    work_on(&Files::system(), folder, subtasks)
}

fn work_on(disk: &Files, folder: &std::path::Path, subtasks: u32) -> Vec<Work> {
    let inputs = [folder.to_path_buf()];
    let files = Arc::new(list(disk, &inputs, ListOptions::default()).unwrap());
    let splits = assign(cut(&files, SplitRule::Anywhere, subtasks), subtasks);
    splits.into_iter().map(|splits| Work { files: Arc::clone(&files), splits }).collect()
}

/// Reads a folder of files with each backend and several subtasks.
fn check(contents: &[Vec<u8>], pause_every: usize) {
    let dir = tempfile::tempdir().unwrap();
    let mut expected: Vec<String> = Vec::new();
    for (at, content) in contents.iter().enumerate() {
        std::fs::write(dir.path().join(format!("{at:05}")), content).unwrap();
        expected.extend(String::from_utf8_lossy(content).lines().map(str::to_owned));
    }
    expected.sort();
    for kind in KINDS {
        for subtasks in [1, 3] {
            let mut io = DriverIo::new(kind.clone());
            let mut found = Vec::new();
            for work in work_of(dir.path(), subtasks) {
                found.extend(read(work, &mut io, pause_every).unwrap());
            }
            found.sort();
            assert!(found == expected, "{kind:?}, {subtasks} subtasks");
        }
    }
}

#[test]
fn large_files() {
    let line = |i: usize| format!("{i} {}\n", "z".repeat(i * 7919 % 120)).into_bytes();
    let content: Vec<u8> = (0..60_000).flat_map(line).collect();
    assert!(content.len() > 6 * READ_CHUNK);
    check(&[content.clone(), b"small".to_vec(), content], 1000);
}

#[test]
fn many_small_files() {
    let contents: Vec<Vec<u8>> =
        (0..500).map(|i| format!("file {i}\nof {}\r\n", i % 7).into_bytes()).collect();
    check(&contents, 3);
}

#[test]
fn lines_longer_than_a_chunk() {
    let long = [vec![b'a'; 3 * READ_CHUNK], b"\nshort\n".to_vec()].concat();
    check(&[long.clone(), long], 1);
}

#[test]
fn a_file_that_changed_after_it_was_listed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    std::fs::write(&path, "one\ntwo\n").unwrap();
    let work = work_of(dir.path(), 1).remove(0);
    let mut io = DriverIo::new(DriverKind::Auto);

    std::fs::write(&path, "one\ntwo\nthree\n").unwrap();
    assert_eq!(read(work.clone(), &mut io, 1).unwrap(), ["one", "two"], "what was listed");
    std::fs::write(&path, "one\n").unwrap();
    let error = read(work.clone(), &mut io, 1).unwrap_err().to_string();
    assert!(error.contains("log: shrank from 8 to 4 bytes"), "{error}");
    std::fs::remove_file(&path).unwrap();
    let error = read(work, &mut io, 1).unwrap_err().to_string();
    assert!(error.contains("log") && error.contains("No such file"), "{error}");
}

#[test]
fn each_read_that_fails_fails_the_reader() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("data"), vec![b'\n'; 3 * READ_CHUNK]).unwrap();
    for operation in 0..3 {
        let mut io = DriverIo::with_fault(operation, io::ErrorKind::Other);
        let error = read(work_of(dir.path(), 1).remove(0), &mut io, 7).unwrap_err();
        assert!(error.to_string().starts_with("cannot read "), "{error}");
    }
}

#[test]
fn small_inputs_get_small_buffers() {
    let split = |bytes| FileSplit::new(FileIndex(0), 0..bytes);
    assert_eq!(sizes_for(&[]).chunk, 4096);
    assert_eq!(sizes_for(&[split(10), split(5000)]).chunk, 8192);
    assert_eq!(sizes_for(&[split(1 << 40)]).chunk, READ_CHUNK);
}

/// A simulated disk with three files, and the lines in them.
fn simulation(seed: u64) -> (SimulatedWorld, DriverIo, Vec<String>) {
    let world = SimulatedWorld::from_seed(seed);
    let mut io = DriverIo::new(DriverKind::Simulated(world.clone()));
    let folder = std::path::Path::new("/in");
    io.files().create_dir_all(folder).unwrap();
    let mut lines = Vec::new();
    for file in 0..3 {
        let ours: Vec<String> = (0..20_000 * file + 5).map(|i| format!("{file} {i}")).collect();
        let content = ours.join("\n").into_bytes();
        lines.extend(ours);
        let file = io.files().open(&folder.join(file.to_string()), OpenOptions::CREATE).unwrap();
        let buffer = IoBuffer::Heap(AlignedBytes::copy_of(&content));
        let id = io.submit(Operation::Write { file, offset: 0, buffer, len: content.len() });
        io.wait();
        assert!(io.take_completion(|done| done == id).unwrap().result.is_ok());
    }
    (world, io, lines)
}

#[test]
fn simulated_disks_with_short_and_slow_reads() {
    for seed in 0..20 {
        let (world, mut io, mut expected) = simulation(seed);
        let (short_transfer, slow) = (PerMillion(300_000), PerMillion(200_000));
        world.set_faults(Faults { short_transfer, slow, ..Faults::default() });
        let mut found = Vec::new();
        for work in work_on(&io.files(), std::path::Path::new("/in"), 3) {
            found.extend(read(work, &mut io, 100).unwrap());
        }
        found.sort();
        expected.sort();
        assert!(found == expected, "seed {seed}");
    }
}

#[test]
fn a_fault_at_every_operation_is_an_error() {
    let run = |fault_at: Option<u64>| {
        let (world, mut io, lines) = simulation(7);
        let begun = world.operations_begun();
        if let Some(operation) = fault_at {
            world.fail_operation(begun + operation, PlannedFault::InputOutput);
        }
        let disk = io.files();
        let files = list(&disk, &["/in".into()], ListOptions::default())?;
        let splits = cut(&files, SplitRule::Anywhere, 1);
        let found = read(Work { files: Arc::new(files), splits }, &mut io, 1000)?;
        assert!(found == lines);
        Ok::<u64, ConnectError>(world.operations_begun() - begun)
    };
    let operations = run(None).unwrap();
    assert!(operations > 8);
    for operation in 0..operations {
        let error = run(Some(operation)).unwrap_err().to_string();
        assert!(error.contains("/in"), "{error}");
    }
}
