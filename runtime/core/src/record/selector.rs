//! Key selectors: which part of a record a stream is keyed by.
//!
//! A closure `|record| key` is one. It is asked on the owned record by the
//! producer; a consumer that has a view of the record decodes it first. The
//! selectors here spare that: they also work on the archived form.

use compact_str::CompactString;
use rkyv::string::ArchivedString;
use std::{any::Any, fmt, marker::PhantomData};

use crate::record::{Archived, Key, Record, decode, key_hash};

/// Finds the key of a record.
///
/// The hash of a record is the [`key_hash`] of its key, or state would be looked for in the wrong
/// place; what is overridden here may only be a shorter way to the same answer.
pub trait KeySelector<T: Record>: Clone + Send + 'static {
    /// The key's type.
    type Key: Key;

    /// The key of a record.
    fn key(&self, record: &T) -> Self::Key;

    /// The key's hash.
    #[inline(always)]
    fn hash(&self, record: &T) -> u32 {
        key_hash(&self.key(record))
    }

    /// Whether `record` has this key.
    #[inline(always)]
    fn is(&self, record: &T, key: &Self::Key) -> bool {
        self.key(record) == *key
    }

    /// Whether `record` has the key that lies archived in a table.
    #[inline(always)]
    fn is_stored(&self, record: &T, stored: &Archived<Self::Key>) -> bool {
        is_archived(&self.key(record), stored)
    }

    /// The key of an archived record.
    #[inline(always)]
    fn view_key(&self, record: &Archived<T>) -> Self::Key {
        self.key(&decode::<T>(record))
    }

    /// Whether the archived `record` has the key that lies archived in a table.
    #[inline(always)]
    fn view_is_stored(&self, record: &Archived<T>, stored: &Archived<Self::Key>) -> bool {
        is_archived(&self.view_key(record), stored)
    }
}

/// The text that a value is, if it is of one of the types that are archived as text.
#[inline(always)]
fn text_of<T: 'static>(value: &T) -> Option<&str> {
    let value: &dyn Any = value;
    if let Some(text) = value.downcast_ref::<ArchivedString>() {
        return Some(text.as_str());
    }
    if let Some(text) = value.downcast_ref::<String>() {
        return Some(text);
    }
    value.downcast_ref::<CompactString>().map(CompactString::as_str)
}

/// Whether a key and an archived one are the same. Text is compared where it lies, other keys are
/// decoded, which costs nothing unless something of them lies on the heap.
#[inline(always)]
pub(crate) fn is_archived<K: Key>(key: &K, stored: &Archived<K>) -> bool {
    match (text_of(key), text_of(stored)) {
        (Some(key), Some(stored)) => key == stored,
        _ => decode::<K>(stored) == *key,
    }
}

/// Whether two archived keys are the same; see `is_archived`.
#[inline(always)]
pub(crate) fn are_archived<K: Key>(one: &Archived<K>, other: &Archived<K>) -> bool {
    match (text_of(one), text_of(other)) {
        (Some(one), Some(other)) => one == other,
        _ => decode::<K>(one) == decode::<K>(other),
    }
}

impl<T, K, F> KeySelector<T> for F
where
    T: Record,
    K: Key,
    F: Fn(&T) -> K + Clone + Send + 'static,
{
    type Key = K;

    #[inline(always)]
    fn key(&self, record: &T) -> K {
        self(record)
    }
}

/// Text is its own key: see [`text`].
#[derive(Clone, Copy, Debug)]
pub struct Text;

/// Keys a stream of text by the text itself, without a copy on either side.
pub fn text() -> Text {
    Text
}

impl<T> KeySelector<T> for Text
where
    T: Key + AsRef<str>,
    Archived<T>: AsRef<str>,
{
    type Key = T;

    #[inline(always)]
    fn key(&self, record: &T) -> T {
        record.clone()
    }

    #[inline(always)]
    fn hash(&self, record: &T) -> u32 {
        key_hash(record.as_ref())
    }

    #[inline(always)]
    fn is(&self, record: &T, key: &T) -> bool {
        record == key
    }

    #[inline(always)]
    fn is_stored(&self, record: &T, stored: &Archived<T>) -> bool {
        record.as_ref() == stored.as_ref()
    }

    #[inline(always)]
    fn view_key(&self, record: &Archived<T>) -> T {
        decode(record)
    }

    #[inline(always)]
    fn view_is_stored(&self, record: &Archived<T>, stored: &Archived<T>) -> bool {
        record.as_ref() == stored.as_ref()
    }
}

/// A selector of two functions: see [`viewed`].
pub struct Viewed<F, G, K> {
    owned: F,
    view: G,
    key: PhantomData<fn() -> K>,
}

/// Keys a stream by a function of the record and the same function of its
/// archived form, so that consumers need not decode records to find their keys.
///
/// The two must agree, or records meet the wrong state.
pub fn viewed<T, K, F, G>(owned: F, view: G) -> Viewed<F, G, K>
where
    T: Record,
    K: Key,
    F: Fn(&T) -> K + Clone + Send + 'static,
    G: Fn(&Archived<T>) -> K + Clone + Send + 'static,
{
    Viewed { owned, view, key: PhantomData }
}

impl<F: Clone, G: Clone, K> Clone for Viewed<F, G, K> {
    fn clone(&self) -> Self {
        Self { owned: self.owned.clone(), view: self.view.clone(), key: PhantomData }
    }
}

impl<F, G, K> fmt::Debug for Viewed<F, G, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Viewed")
    }
}

impl<T, K, F, G> KeySelector<T> for Viewed<F, G, K>
where
    T: Record,
    K: Key,
    F: Fn(&T) -> K + Clone + Send + 'static,
    G: Fn(&Archived<T>) -> K + Clone + Send + 'static,
{
    type Key = K;

    #[inline(always)]
    fn key(&self, record: &T) -> K {
        (self.owned)(record)
    }

    #[inline(always)]
    fn view_key(&self, record: &Archived<T>) -> K {
        (self.view)(record)
    }
}
