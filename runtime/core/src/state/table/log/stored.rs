//! [`Stored`]: an entry that was found.

use super::entry::Shape;
use crate::record::AlignedBytes;

/// Key and value of an entry.
pub(in crate::state::table) struct Stored<'a> {
    pub(super) shape: Shape,
    pub(super) body: Body<'a>,
}

pub(super) enum Body<'a> {
    Here(&'a [u8]),
    Joined(AlignedBytes),
}

impl Stored<'_> {
    #[inline(always)]
    fn bytes(&self) -> &[u8] {
        match &self.body {
            Body::Here(bytes) => bytes,
            Body::Joined(bytes) => bytes,
        }
    }

    /// The key's archive.
    #[inline(always)]
    pub(in crate::state::table) fn key(&self) -> &[u8] {
        &self.bytes()[..self.shape.key]
    }

    /// The value's archive.
    #[inline(always)]
    pub(in crate::state::table) fn value(&self) -> &[u8] {
        &self.bytes()[self.shape.value..self.shape.end]
    }
}
