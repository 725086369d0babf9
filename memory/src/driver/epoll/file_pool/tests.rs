use super::*;
use crate::driver::{
    AlignedBytes, Driver, DriverKind, DriverOptions, Files, IoBuffer, OpenOptions, Operation,
    OperationId,
};

#[test]
fn a_pool_without_threads_does_transfers_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let file = Files::system().open(&path, OpenOptions::CREATE_NEW).unwrap();
    let options = DriverOptions { kind: DriverKind::Epoll, ..DriverOptions::default() };
    let driver = Driver::new(options).unwrap();
    let pool = FilePool::start(0, driver.doorbell());
    let buffer = IoBuffer::Heap(AlignedBytes::zeroed(10));
    let write = Operation::Write { file, offset: 0, buffer, len: 10 };
    pool.push(Transfer::of(OperationId(1), write));
    assert_eq!(pool.take_done().unwrap().result.unwrap(), 10);
    assert!(pool.take_done().is_none());
    assert_eq!(std::fs::read(path).unwrap(), [0; 10]);
}
