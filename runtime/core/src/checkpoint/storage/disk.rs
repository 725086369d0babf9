//! [`Disk`]: reading and writing whole files by a driver, waiting for each operation.

use std::path::Path;
use std::time::Duration;

use brisk_memory::driver::{
    AlignedBytes, Completion, Driver, DriverError, DriverKind, DriverOptions, File, Files,
    IoBuffer, OpenOptions, Operation, OperationId, SimulatedWorld,
};

use super::error::StorageError;

/// Bytes of one transfer.
const TRANSFER_BYTES: usize = 1 << 20;

/// How long a simulated disk is waited for at a time.
const SIMULATED_STEP: Duration = Duration::from_micros(10);

/// A driver of which each operation is waited for. It has no other operation under way.
#[derive(Debug)]
pub struct Disk {
    driver: Driver,
    /// Of a simulation: waiting lets its time go on, as a blocked thread does.
    world: Option<SimulatedWorld>,
}

impl Disk {
    /// On a real driver.
    ///
    /// # Panics
    /// When the driver has operations under way.
    pub fn new(driver: Driver) -> Disk {
        assert_eq!(driver.outstanding(), 0, "a driver of its own");
        Disk { driver, world: None }
    }

    /// On a real driver of its own, which is quiet while it waits: for a thread that may block.
    ///
    /// # Errors
    /// When the system gives no driver.
    pub fn open() -> Result<Disk, DriverError> {
        let (kind, spin) = (DriverKind::Epoll, Duration::ZERO);
        Ok(Disk::new(Driver::new(DriverOptions { kind, spin, ..DriverOptions::default() })?))
    }

    /// On a driver of this simulated world, whose other drivers may be doing anything meanwhile.
    pub fn simulated(driver: Driver, world: SimulatedWorld) -> Disk {
        Disk { world: Some(world), ..Disk::new(driver) }
    }

    /// The names.
    pub fn files(&self) -> &Files {
        self.driver.files()
    }

    fn wait(&mut self, operation: Operation) -> Completion {
        self.run(vec![operation]).pop().expect("one operation has one end")
    }

    /// Has several operations done, and waits for all; their ends, in their order.
    pub fn run(&mut self, operations: Vec<Operation>) -> Vec<Completion> {
        let submit = |operation| self.driver.submit(operation);
        let ids: Vec<OperationId> = operations.into_iter().map(submit).collect();
        let mut ended = Vec::new();
        while ended.len() < ids.len() {
            match &self.world {
                None => self.driver.park(None, &mut ended),
                Some(world) => {
                    if self.driver.poll(&mut ended) == 0 {
                        world.pass(SIMULATED_STEP);
                    }
                }
            }
        }
        ended.sort_by_key(|completion| completion.id);
        assert!(ended.iter().map(|completion| completion.id).eq(ids), "nothing else is under way");
        ended
    }

    /// Whether its disk is a simulation's, whose time stands still while an idle driver is kept.
    pub fn is_simulated(&self) -> bool {
        self.world.is_some()
    }

    /// Writes a new file and brings its bytes to stable storage; its name isn't yet.
    ///
    /// # Errors
    /// When there is such a file, or the disk fails; a part of the file may then be left.
    pub fn write_new(&mut self, path: &Path, bytes: &[u8]) -> Result<(), StorageError> {
        let file = self.files().open(path, OpenOptions::CREATE_NEW)?;
        self.write_at(&file, 0, bytes)?;
        self.sync(&file, bytes.len() as u64)
    }

    /// Writes bytes of an open file.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn write_at(
        &mut self,
        file: &File,
        mut offset: u64,
        bytes: &[u8],
    ) -> Result<(), StorageError> {
        for part in bytes.chunks(TRANSFER_BYTES) {
            let buffer = IoBuffer::Heap(AlignedBytes::copy_of(part));
            let write = Operation::Write { file: file.clone(), offset, buffer, len: part.len() };
            self.wait(write).result.map_err(|source| {
                let path = file.path().to_owned();
                StorageError::Io { action: "write", path, offset, source }
            })?;
            offset += part.len() as u64;
        }
        Ok(())
    }

    /// Brings the `len` bytes of an open file to stable storage; its name isn't yet.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn sync(&mut self, file: &File, len: u64) -> Result<(), StorageError> {
        let synced = self.wait(Operation::Sync { file: file.clone() }).result;
        synced.map(|_| ()).map_err(|source| {
            let path = file.path().to_owned();
            StorageError::Io { action: "sync", path, offset: len, source }
        })
    }

    /// Bytes of an open file; fewer at its end.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn read_at(
        &mut self,
        file: &File,
        offset: u64,
        len: usize,
    ) -> Result<Vec<u8>, StorageError> {
        let mut bytes = Vec::with_capacity(len);
        while bytes.len() < len {
            let want = (len - bytes.len()).min(TRANSFER_BYTES);
            let at = offset + bytes.len() as u64;
            let buffer = IoBuffer::Heap(AlignedBytes::zeroed(want));
            let read = Operation::Read { file: file.clone(), offset: at, buffer, len: want };
            let Completion { result, buffer, .. } = self.wait(read);
            let read = result.map_err(|source| {
                let path = file.path().to_owned();
                StorageError::Io { action: "read", path, offset: at, source }
            })?;
            let buffer = buffer.expect("a read has a buffer");
            bytes.extend_from_slice(&buffer.as_slice()[..read]);
            if read < want {
                break;
            }
        }
        Ok(bytes)
    }

    /// A whole file of at most `max` bytes.
    ///
    /// # Errors
    /// When it isn't there, is longer, or the disk fails.
    pub fn read_file(&mut self, path: &Path, max: u64) -> Result<Vec<u8>, StorageError> {
        let file = self.files().open(path, OpenOptions::READ)?;
        let len = file.len()?;
        if len > max {
            return Err(StorageError::TooLong { path: path.to_owned(), len, max });
        }
        let len = usize::try_from(len).expect("below the limit of this file");
        self.read_at(&file, 0, len)
    }
}
