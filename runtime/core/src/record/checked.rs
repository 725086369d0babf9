//! Records whose bytes came from a peer or a disk.

use rkyv::{access, rancor};

use super::{AlignedBytes, Archived, Record, decode};

/// Bytes that are not a record of the type that was expected.
#[derive(Debug, thiserror::Error)]
#[error("{length} bytes are not a {expected}")]
pub struct InvalidRecord {
    /// How many there are.
    pub length: usize,
    /// The type's name.
    pub expected: &'static str,
    /// What is wrong with them.
    #[source]
    pub cause: rancor::Error,
}

/// The archived record in a payload that anybody may have written, after all of it was
/// checked; as costly as reading all of it.
///
/// # Errors
/// If the payload is not the archive of a `T`, or does not lie as aligned as one must.
pub fn checked_view<T: Record>(payload: &[u8]) -> Result<&Archived<T>, InvalidRecord> {
    access::<Archived<T>, rancor::Error>(payload).map_err(|cause| InvalidRecord {
        length: payload.len(),
        expected: std::any::type_name::<T>(),
        cause,
    })
}

/// The record in bytes that anybody may have written and that lie anywhere, as those of a checkpoint.
///
/// # Errors
/// If they are not the archive of a `T`.
pub fn checked_copy<T: Record>(bytes: &[u8]) -> Result<T, InvalidRecord> {
    let mut aligned = AlignedBytes::with_capacity(bytes.len());
    aligned.extend_from_slice(bytes);
    checked_view::<T>(&aligned).map(decode)
}

/// For fuzzing: takes `bytes` as records of several shapes, and reads those that pass.
#[doc(hidden)]
pub fn exercise(bytes: &[u8]) {
    let mut payload = AlignedBytes::with_capacity(bytes.len());
    payload.extend_from_slice(bytes);
    read::<u64>(&payload);
    read::<String>(&payload);
    read::<(u32, String, Option<Box<u128>>)>(&payload);
    read::<Vec<Vec<u16>>>(&payload);
    read::<std::collections::BTreeMap<u32, String>>(&payload);
    read::<std::collections::HashMap<String, Vec<char>>>(&payload);
    read::<[Option<bool>; 5]>(&payload);
}

fn read<T: Record>(payload: &[u8]) {
    if let Ok(view) = checked_view::<T>(payload) {
        drop(decode::<T>(view));
    }
}
