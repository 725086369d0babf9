//! The keys of the table; their bytes are on the module's page.

use crate::{graph::KeyGroup, state::backend::EntryKey};

/// What an entry is to its state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    /// The user's.
    Data,
    /// How many there are.
    Count,
    /// A place in the order of a map.
    Order,
}

/// Where the key begins.
const HEADER: usize = 16;

/// A key of the table, taken apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Address<'a> {
    pub(super) state: u32,
    pub(super) role: Role,
    pub(super) key: &'a [u8],
    pub(super) namespace: &'a [u8],
    pub(super) sub_key: &'a [u8],
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(*bytes[at..].first_chunk().expect("a header has four words"))
}

impl<'a> Address<'a> {
    /// # Panics
    /// If the bytes are no key of the table.
    pub(super) fn parse(bytes: &'a [u8]) -> Self {
        let (key, namespace) = (word(bytes, 8) as usize, word(bytes, 12) as usize);
        let (key, rest) = bytes[HEADER..].split_at(key);
        let (namespace, sub_key) = rest.split_at(namespace);
        let role = match word(bytes, 4) {
            0 => Role::Data,
            1 => Role::Count,
            2 => Role::Order,
            other => unreachable!("no role {other} is written"),
        };
        Self { state: word(bytes, 0), role, key, namespace, sub_key }
    }
}

impl<'a> Address<'a> {
    /// The same of bytes that may be anything; `None` if they are no key of the table.
    pub(super) fn checked(bytes: &'a [u8]) -> Option<Self> {
        if bytes.len() < HEADER || word(bytes, 4) > Role::Order as u32 {
            return None;
        }
        let (key, namespace) = (word(bytes, 8) as usize, word(bytes, 12) as usize);
        (key + namespace <= bytes.len() - HEADER).then(|| Self::parse(bytes))
    }
}

/// A key of the table that is being put together.
#[derive(Default, Debug)]
pub(super) struct AddressBuffer {
    bytes: Vec<u8>,
    /// Where the sub-key begins.
    sub_key: usize,
}

fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).expect("archives are below 1 GiB").to_le_bytes()
}

impl AddressBuffer {
    /// All but role and sub-key.
    pub(super) fn select(&mut self, state: u32, key: &[u8], namespace: &[u8]) {
        self.bytes.clear();
        for part in [&state.to_le_bytes(), &[0; 4], &length(key), &length(namespace)] {
            self.bytes.extend_from_slice(part);
        }
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(namespace);
        self.sub_key = self.bytes.len();
    }

    /// Role and sub-key.
    pub(super) fn complete(&mut self, role: Role, sub_key: &[u8]) {
        self.bytes[4..8].copy_from_slice(&(role as u32).to_le_bytes());
        self.bytes.truncate(self.sub_key);
        self.bytes.extend_from_slice(sub_key);
    }

    /// Another key of the table.
    pub(super) fn set(&mut self, bytes: &[u8]) {
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
        self.sub_key = bytes.len() - Address::parse(bytes).sub_key.len();
    }

    /// The same in another backend's terms: it numbers the elements of lists as they are here, and has
    /// their count before them.
    pub(super) fn entry(&self, group: KeyGroup) -> EntryKey<'_> {
        let Address { state, role, key, namespace, sub_key } = Address::parse(&self.bytes);
        assert!(role != Role::Order, "entries are in order there");
        EntryKey { state, group, key, namespace, sub_key }
    }

    pub(super) fn bytes(&self) -> &Vec<u8> {
        &self.bytes
    }
}
