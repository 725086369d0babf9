//! What a record is, and its way into and out of a buffer.
//!
//! A record is any type that rkyv can archive. It is written once, straight into
//! a segment; readers take it as a view of the archived bytes, or owned.
//!
//! Bytes that this process wrote are trusted. Bytes from a peer or a disk are not,
//! which is why every record's archived form can also be validated.

mod checked;
mod codec;
mod hash;
pub mod pair;
pub mod selector;

pub use checked::{InvalidRecord, checked_copy, checked_view, exercise};
pub(crate) use codec::AlignedBytes;
pub use codec::{
    Decoder, Encoder, RecordEncoder, decode, is_plain, plain_bytes, view, write_plain,
};
pub use hash::{KeyHasher, key_hash};

use rkyv::{
    Archive, Deserialize, Serialize, api::high::HighValidator, bytecheck::CheckBytes, rancor,
};
use std::hash::Hash;

/// Anything that can travel between operators.
///
/// Implemented for every type that derives rkyv's `Archive`, `Serialize` and
/// `Deserialize`; there is nothing to implement by hand.
pub trait Record:
    Sized
    + Archive<
        Archived: Deserialize<Self, Decoder>
                      + for<'a> CheckBytes<HighValidator<'a, rancor::Error>>
                      + 'static,
    > + for<'a> Serialize<Encoder<'a>>
    + Send
    + 'static
{
}

impl<T> Record for T where
    T: Archive<
            Archived: Deserialize<T, Decoder>
                          + for<'a> CheckBytes<HighValidator<'a, rancor::Error>>
                          + 'static,
        > + for<'a> Serialize<Encoder<'a>>
        + Send
        + 'static
{
}

/// The archived form of a record: what a zero-copy operator sees.
pub type Archived<T> = <T as Archive>::Archived;

/// What a keyed stream may be keyed by.
pub trait Key: Record + Hash + Eq + Clone {}

impl<K: Record + Hash + Eq + Clone> Key for K {}

#[cfg(test)]
mod tests;
