//! Taking over the files of a snapshot: as they are, or key group by key group.

use std::path::Path;

use brisk_core::{
    BoxError,
    checkpoint::storage::Disk,
    graph::KeyGroup,
    state::backend::{NativeShare, ReadState},
};
use brisk_memory::driver::OpenOptions;

use super::files::{is_legal, read_own};
use crate::{
    RocksDbError,
    database::Database,
    directory::remove_all,
    ground::Ground,
    key::{behind, group_prefix},
};

/// Bytes of keys and values that are written together.
const BATCH_BYTES: usize = 1 << 20;

/// The database of a store that starts from these shares.
pub(crate) fn restore(
    ground: &Ground,
    shares: &[NativeShare<'_>],
    read: &mut ReadState<'_>,
) -> Result<Database, BoxError> {
    if let [share] = shares
        && share.wanted == share.range
        && share.range == ground.range
    {
        place(ground, &ground.path(), share, read)?;
        return Ok(ground.open()?);
    }
    let mut database = ground.open()?;
    let folder = ground.folder().join("restored");
    for share in shares {
        place(ground, &folder, share, read)?;
        let old = ground.open_at(&folder, true)?;
        take_over(ground, &mut database, &old, share)?;
        drop(old);
        remove_all(ground.files(), &folder)?;
    }
    Ok(database)
}

/// Puts the files of a share into a new folder.
fn place(
    ground: &Ground,
    folder: &Path,
    share: &NativeShare<'_>,
    read: &mut ReadState<'_>,
) -> Result<(), BoxError> {
    let damaged =
        |what: &str| RocksDbError::Damaged { owner: ground.owner.clone(), what: what.to_owned() };
    let files = ground.files();
    files.create_dir(folder)?;
    for (name, bytes) in read_own(share.own).map_err(damaged)? {
        write(ground, &folder.join(name), |put| put(bytes))?;
    }
    for table in share.shared {
        if !is_legal(&table.name) {
            return Err(damaged("a file has a name that RocksDB does not give").into());
        }
        write(ground, &folder.join(&table.name), |put| {
            let mut failed = Ok(());
            read(&table.state, &mut |piece| {
                if failed.is_ok() {
                    failed = put(piece);
                }
                Ok(())
            })?;
            failed
        })?;
    }
    Ok(())
}

type Put<'a> = dyn FnMut(&[u8]) -> Result<(), BoxError> + 'a;

/// Writes a file piece by piece. It needs no sync: after a crash it is fetched again.
fn write(
    ground: &Ground,
    path: &Path,
    fill: impl FnOnce(&mut Put<'_>) -> Result<(), BoxError>,
) -> Result<(), BoxError> {
    let mut disk = Disk::open()?;
    let file = ground.files().open(path, OpenOptions::CREATE_NEW)?;
    let mut at = 0;
    fill(&mut |piece| {
        disk.write_at(&file, at, piece)?;
        at += piece.len() as u64;
        Ok(())
    })
}

/// Writes the entries of the wanted groups of another database into this one.
fn take_over(
    ground: &Ground,
    database: &mut Database,
    old: &Database,
    share: &NativeShare<'_>,
) -> Result<(), RocksDbError> {
    let first = share.wanted.first().expect("a share has groups");
    let last = share.wanted.last().expect("a share has groups");
    let begin = group_prefix(first);
    let end = match last.0 {
        0x7fff.. => behind(&group_prefix(last)),
        last => Some(group_prefix(KeyGroup(last + 1)).to_vec()),
    };
    for state in old.states(ground.opening(true))? {
        if !database.has(&state) {
            database.create(&state, ground.opening(false))?;
        }
        let mut iterator = old.iterator(&state, end.clone());
        iterator.seek(begin);
        let mut batch: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        let mut bytes = 0;
        while let Some((key, value)) = iterator.item() {
            bytes += key.len() + value.len();
            batch.push((key.to_vec(), value.to_vec()));
            if bytes >= BATCH_BYTES {
                put_all(database, &state, &batch)?;
                batch.clear();
                bytes = 0;
            }
            iterator.next();
        }
        old.check(&iterator)?;
        put_all(database, &state, &batch)?;
    }
    Ok(())
}

fn put_all(
    database: &Database,
    state: &str,
    batch: &[(Vec<u8>, Vec<u8>)],
) -> Result<(), RocksDbError> {
    database.write(batch.iter().map(|(key, value)| (state, &key[..], Some(&value[..]))))
}
