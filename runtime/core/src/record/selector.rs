//! Key selectors: which part of a record a stream is keyed by.
//!
//! A closure `|record| key` is one. It is asked on the owned record by the
//! producer; a consumer that has a view of the record decodes it first. The
//! selectors here spare that: they also work on the archived form.

use std::{fmt, marker::PhantomData};

use crate::record::{Archived, Key, Record, decode, key_hash};

/// Finds the key of a record.
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

    /// The key of an archived record.
    #[inline(always)]
    fn view_key(&self, record: &Archived<T>) -> Self::Key {
        self.key(&decode::<T>(record))
    }

    /// Whether the archived `record` has this key.
    #[inline(always)]
    fn view_is(&self, record: &Archived<T>, key: &Self::Key) -> bool {
        self.view_key(record) == *key
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
    fn view_key(&self, record: &Archived<T>) -> T {
        decode(record)
    }

    #[inline(always)]
    fn view_is(&self, record: &Archived<T>, key: &T) -> bool {
        record.as_ref() == key.as_ref()
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
