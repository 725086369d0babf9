//! The disk: O_DIRECT writes and reads of 1 MiB blocks, eight at a time.

use crate::BenchError;
use crate::workload::Scale;
use rustix::fs::OFlags;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::thread;
use std::time::Instant;

const BLOCK_BYTES: usize = 1 << 20;

/// O_DIRECT wants memory and offsets aligned to the device's sectors; a page is enough everywhere.
const ALIGNMENT: usize = 4096;

/// Blocks on their way at once: a thread each, since what is measured is the disk.
const DEPTH: u64 = 8;

/// What the disk gave.
pub(super) struct Disk {
    pub(super) write_bytes_per_second: f64,
    pub(super) read_bytes_per_second: f64,
}

/// Writes and reads a file in `folder` and removes it.
pub(super) fn measure(folder: &Path, scale: Scale) -> Result<Disk, BenchError> {
    let blocks = match scale {
        Scale::Full => 512,
        Scale::Tiny => 2 * DEPTH,
    };
    let path = folder.join(format!("disk-floor-{}", std::process::id()));
    let measured = write_and_read(&path, blocks);
    let removed = std::fs::remove_file(&path);
    let disk = measured.map_err(BenchError::file("measure O_DIRECT on", &path))?;
    removed.map_err(BenchError::file("remove", &path))?;
    Ok(disk)
}

fn write_and_read(path: &Path, blocks: u64) -> io::Result<Disk> {
    let file = open(path)?;
    let bytes = (blocks * BLOCK_BYTES as u64) as f64;
    let start = Instant::now();
    on_all_blocks(blocks, |block, offset| file.write_all_at(block, offset))?;
    file.sync_data()?;
    let written = start.elapsed().as_secs_f64();
    let start = Instant::now();
    on_all_blocks(blocks, |block, offset| file.read_exact_at(block, offset))?;
    let read = start.elapsed().as_secs_f64();
    Ok(Disk { write_bytes_per_second: bytes / written, read_bytes_per_second: bytes / read })
}

/// A new file; past the page cache where the file system can do that (tmpfs can't).
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true);
    let direct = OFlags::DIRECT.bits() as i32;
    match options.clone().custom_flags(direct).open(path) {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => options.open(path),
        opened => opened,
    }
}

/// Has `DEPTH` threads do every block once.
fn on_all_blocks(
    blocks: u64,
    each: impl Fn(&mut [u8], u64) -> io::Result<()> + Sync,
) -> io::Result<()> {
    let each = &each;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..DEPTH)
            .map(|first| {
                scope.spawn(move || {
                    let mut memory = vec![1u8; BLOCK_BYTES + ALIGNMENT];
                    let skip = memory.as_ptr().align_offset(ALIGNMENT);
                    let block = &mut memory[skip..skip + BLOCK_BYTES];
                    (first..blocks)
                        .step_by(DEPTH as usize)
                        .try_for_each(|index| each(block, index * BLOCK_BYTES as u64))
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("I/O doesn't panic"))
    })
}
