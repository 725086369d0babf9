//! Writing and reading state files.

use super::*;

fn check_round_trip(compression: Compression, lens: &[usize]) {
    let world = SimulatedWorld::from_seed(4);
    let mut worker = Worker::new(&world, WriterOptions { compression, ..options(1, "w.state") });
    let states: Vec<_> = (0..).zip(lens).map(|(seed, len)| pattern(*len, seed)).collect();
    let handles: Vec<_> = states.iter().map(|state| worker.write(state).unwrap()).collect();
    worker.finish().unwrap();
    let mut disk = disk(&world);
    let folder =
        storage().folder(CheckpointId(1), &CheckpointTarget::Checkpoint, Place::Checkpoint);
    for (state, handle) in states.iter().zip(&handles) {
        assert_eq!(handle.len(), state.len() as u64);
        match handle {
            StateHandle::Inline(bytes) => {
                assert!(state.len() < 100, "{} bytes", state.len());
                assert_eq!(bytes.as_ref(), state);
            }
            StateHandle::File(slice) => {
                let path = FileSystemStorage::resolve(&folder, &slice.path);
                let open = |disk: &mut Disk| StateReader::open(disk, &path, slice).unwrap();
                let reader = open(&mut disk);
                assert_eq!(&reader.read_to_end(&mut disk).unwrap(), state);
                let len = slice.len;
                for range in [0..len, 0..1, len - 1..len, len / 2..len / 2, len / 3..len / 3 * 2] {
                    let part = open(&mut disk).read_range(&mut disk, range.clone()).unwrap();
                    assert_eq!(part, state[range.start as usize..range.end as usize]);
                }
                assert!(open(&mut disk).read_range(&mut disk, 0..len + 1).is_err());
            }
        }
    }
}

#[test]
fn states_come_back_whole_and_in_part() {
    let block = BLOCK_BYTES_MAX;
    for compression in [Compression::None, Compression::Zstd] {
        check_round_trip(
            compression,
            &[100, 99, 0, block, block + 1, 3 * block - 1, 5, 12 * block],
        );
    }
}

#[test]
fn compression_makes_what_repeats_smaller() {
    let world = SimulatedWorld::from_seed(4);
    let compression = Compression::Zstd;
    let mut worker = Worker::new(&world, WriterOptions { compression, ..options(1, "w.state") });
    let handle = worker.write(&[7; 1 << 20]).unwrap();
    worker.finish().unwrap();
    let slice = handle.file().unwrap();
    assert_eq!(slice.len, 1 << 20);
    assert!(slice.stored_len < 2000, "{} bytes", slice.stored_len);
}

#[test]
fn little_state_makes_no_file() {
    let world = SimulatedWorld::from_seed(4);
    let mut worker = Worker::new(&world, options(1, "w.state"));
    assert_eq!(worker.write(&[1; 99]).unwrap(), StateHandle::Inline([1; 99].into()));
    let begun = world.operations_begun();
    worker.finish().unwrap();
    assert_eq!(world.operations_begun(), begun, "nothing to write, nothing to sync");
}

#[test]
fn any_changed_byte_of_a_state_file_is_found() {
    for compression in [Compression::None, Compression::Zstd] {
        let world = SimulatedWorld::from_seed(4);
        let mut worker =
            Worker::new(&world, WriterOptions { compression, ..options(1, "w.state") });
        let mut state = pattern(150, 1);
        state.extend_from_slice(&[0; 150]);
        let handle = worker.write(&state).unwrap();
        worker.finish().unwrap();
        let slice = handle.file().unwrap();
        let path = format!("{JOB}/chk-1/w.state");
        let whole = disk(&world).read_file(Path::new(&path), 1 << 20).unwrap();
        for place in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 0x10;
            put(&world, &path, &damaged);
            let mut disk = disk(&world);
            let read = StateReader::open(&mut disk, Path::new(&path), slice)
                .and_then(|reader| reader.read_to_end(&mut disk));
            let error = read.expect_err("damage is found");
            assert!(error.to_string().contains("chk-1/w.state"), "{error}");
        }
        // Another whole file in its place.
        put(&world, &path, &whole);
        let mut other = slice.clone();
        other.checksum ^= 1;
        let mut disk = disk(&world);
        let reader = StateReader::open(&mut disk, Path::new(&path), &other).unwrap();
        let error = reader.read_to_end(&mut disk).unwrap_err();
        assert!(error.to_string().contains("is not the one that was written"), "{error}");
    }
}

/// A length that is not the one that was written would shift what is behind: state of other keys.
#[test]
fn a_changed_byte_of_a_compressed_block_that_is_passed_over_is_found() {
    let world = SimulatedWorld::from_seed(4);
    let compression = Compression::Zstd;
    let mut worker = Worker::new(&world, WriterOptions { compression, ..options(1, "w.state") });
    let state: Vec<u8> = (0u8..5).flat_map(|byte| vec![byte; 64 << 10]).collect();
    let handle = worker.write(&state).unwrap();
    worker.finish().unwrap();
    let slice = handle.file().unwrap();
    let path = format!("{JOB}/chk-1/w.state");
    let part = |world: &SimulatedWorld| {
        let mut disk = disk(world);
        let reader = StateReader::open(&mut disk, Path::new(&path), slice)?;
        reader.read_range(&mut disk, slice.len - 100..slice.len)
    };
    assert_eq!(part(&world).unwrap(), [4; 100]);
    let whole = disk(&world).read_file(Path::new(&path), 1 << 20).unwrap();
    for place in 16..whole.len() {
        for bit in [0x01, 0x10] {
            let mut damaged = whole.clone();
            damaged[place] ^= bit;
            put(&world, &path, &damaged);
            let error = part(&world).expect_err("damage is found").to_string();
            assert!(error.contains("chk-1/w.state"), "{error}");
        }
    }
}

#[test]
fn a_full_disk_fails_the_writer_and_then_every_call() {
    let world = SimulatedWorld::from_seed(4);
    world.set_disk_capacity(Some(10_000));
    let mut worker = Worker::new(&world, options(1, "w.state"));
    let written = worker.write(&pattern(20_000, 1)).and_then(|_| {
        while worker.writer.finish(&mut worker.driver)? == StateFileFinish::Pending {
            worker.wait()?;
        }
        Ok(())
    });
    let error = written.unwrap_err();
    assert!(error.to_string().contains("can't write /ckpt/"), "{error}");
    let error = worker.write(&[1; 200]).unwrap_err();
    assert!(matches!(error, StorageError::FailedBefore { .. }), "{error}");
}

#[test]
fn any_bytes_are_survived_as_blocks() {
    let world = SimulatedWorld::from_seed(4);
    let compression = Compression::Zstd;
    let mut worker = Worker::new(&world, WriterOptions { compression, ..options(1, "w.state") });
    let _ = worker.write(&[3; 500]).unwrap();
    worker.finish().unwrap();
    let path = format!("{JOB}/chk-1/w.state");
    let whole = disk(&world).read_file(Path::new(&path), 1 << 20).unwrap();
    let file = disk(&world).files().open(Path::new(&path), OpenOptions::READ).unwrap();
    assert_eq!(file.len().unwrap(), whole.len() as u64);
    for place in 16..whole.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut damaged = whole[16..].to_vec();
            damaged[place - 16] = value;
            block::exercise(&damaged);
        }
        block::exercise(&whole[16..place]);
    }
}
