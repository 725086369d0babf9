//! Keys of the database, which sort as key group, key, namespace and sub-key do.
//!
//! ```text
//! key group, u16 BE | key, in chunks | 0, or 1 and the namespace, in chunks | sub-key, as it is
//!
//! chunk     8 bytes, padded with zeros | how many are meant: 0 to 8 in the last chunk, 9 in others
//! ```
//!
//! No chunked value is the begin of another, so all entries of a key and namespace are those with one
//! prefix. A value of 8 bytes takes 9.

use brisk_core::{graph::KeyGroup, state::backend::EntryKey};

const CHUNK: usize = 8;
const MORE: u8 = 9;

/// Bytes of the key group.
pub const GROUP_BYTES: usize = 2;

/// The begin of all keys of a key group.
///
/// # Panics
/// If the group has a number that no job has.
pub fn group_prefix(group: KeyGroup) -> [u8; GROUP_BYTES] {
    u16::try_from(group.0).expect("there are at most 2^15 key groups").to_be_bytes()
}

/// Writes the begin of all keys with the key and the namespace of `entry`.
pub fn encode_prefix(entry: &EntryKey<'_>, out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(&group_prefix(entry.group));
    put_chunks(out, entry.key);
    if entry.namespace.is_empty() {
        out.push(0);
    } else {
        out.push(1);
        put_chunks(out, entry.namespace);
    }
}

/// Writes the key of an entry.
pub fn encode(entry: &EntryKey<'_>, out: &mut Vec<u8>) {
    encode_prefix(entry, out);
    out.extend_from_slice(entry.sub_key);
}

fn put_chunks(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut rest = bytes;
    while let Some((chunk, behind)) = rest.split_at_checked(CHUNK)
        && !behind.is_empty()
    {
        out.extend_from_slice(chunk);
        out.push(MORE);
        rest = behind;
    }
    let mut last = [0; CHUNK];
    last[..rest.len()].copy_from_slice(rest);
    out.extend_from_slice(&last);
    out.push(rest.len() as u8);
}

/// Takes chunks from the front of `bytes`; `None` if there are none.
fn take_chunks(bytes: &mut &[u8], out: &mut Vec<u8>) -> Option<()> {
    out.clear();
    loop {
        let (chunk, rest) = bytes.split_at_checked(CHUNK + 1)?;
        *bytes = rest;
        match chunk[CHUNK] {
            MORE => out.extend_from_slice(&chunk[..CHUNK]),
            meant if usize::from(meant) <= CHUNK => {
                out.extend_from_slice(&chunk[..usize::from(meant)]);
                return Some(());
            }
            _ => return None,
        }
    }
}

/// The parts of a key, and the room they are put into.
#[derive(Clone, Debug)]
pub struct DecodedKey {
    /// Its key group.
    pub group: KeyGroup,
    /// The key.
    pub key: Vec<u8>,
    /// The namespace.
    pub namespace: Vec<u8>,
    /// The sub-key.
    pub sub_key: Vec<u8>,
}

impl Default for DecodedKey {
    fn default() -> Self {
        let (key, namespace, sub_key) = (Vec::new(), Vec::new(), Vec::new());
        Self { group: KeyGroup(0), key, namespace, sub_key }
    }
}

impl DecodedKey {
    /// Takes a key apart; false if it is none.
    pub fn decode(&mut self, bytes: &[u8]) -> bool {
        let Self { group, key, namespace, sub_key } = self;
        let Some((number, mut rest)) = bytes.split_first_chunk::<GROUP_BYTES>() else {
            return false;
        };
        *group = KeyGroup(u32::from(u16::from_be_bytes(*number)));
        if take_chunks(&mut rest, key).is_none() {
            return false;
        }
        let Some((has_namespace, mut rest)) = rest.split_first() else { return false };
        namespace.clear();
        if *has_namespace != 0 && take_chunks(&mut rest, namespace).is_none() {
            return false;
        }
        sub_key.clear();
        sub_key.extend_from_slice(rest);
        true
    }

    /// The same as an entry of a state.
    pub fn entry(&self, state: u32) -> EntryKey<'_> {
        let Self { group, key, namespace, sub_key } = self;
        EntryKey { state, group: *group, key, namespace, sub_key }
    }
}

/// The least key above all that begin with `prefix`; `None` if there is none.
pub fn behind(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut bound = prefix[..=last].to_vec();
    bound[last] += 1;
    Some(bound)
}
