//! What a program says about a state.

use std::{fmt, marker::PhantomData, sync::Arc};

use super::{StateTtlConfig, access::Cell};
use crate::{
    Record,
    checkpoint::handle::{StateKind, StateSchema},
    record::{AlignedBytes, InvalidRecord, RecordEncoder, checked_view, decode},
    state::snapshot::StateTypes,
    task::snapshot::schema_of,
};

/// A state that a function declares.
pub trait KeyedState {
    /// What tells several of one key apart; `()` for one.
    type Namespace: Record;
    /// What it is used through.
    type Access<'a>
    where
        Self: 'a;

    /// What the program says about it.
    fn definition(&self) -> &Definition;

    /// The same, to note where it is kept.
    fn definition_mut(&mut self) -> &mut Definition;

    /// Its types, by a key of this type.
    #[doc(hidden)]
    fn types<K: Record>(&self) -> StateTypes;

    /// Its use for one key and namespace.
    #[doc(hidden)]
    fn access<'a>(&'a self, cell: Cell<'a>) -> Self::Access<'a>;
}

/// Turns an archive of an older type into one of the present type.
pub(super) type Convert = Arc<dyn Fn(&[u8]) -> Result<Vec<u8>, InvalidRecord> + Send + Sync>;

/// How a state of another type is taken over.
#[derive(Clone)]
pub(super) struct Migration {
    /// The older type.
    pub(super) from: StateSchema,
    pub(super) convert: Convert,
}

impl Migration {
    pub(super) fn new<Old: Record, New: Record>(convert: fn(Old) -> New) -> Self {
        let convert = move |archive: &[u8]| {
            let mut aligned = AlignedBytes::with_capacity(archive.len());
            aligned.extend_from_slice(archive);
            let new = convert(decode(checked_view::<Old>(&aligned)?));
            let bytes = RecordEncoder::new().encode_large(&new, archive.len().max(64));
            Ok(bytes.expect("state of a record's size").to_vec())
        };
        Self { from: schema_of::<Old>(""), convert: Arc::new(convert) }
    }
}

/// Name and settings of a state.
#[derive(Clone)]
pub struct Definition {
    pub(super) name: String,
    pub(super) kind: StateKind,
    pub(super) ttl: Option<StateTtlConfig>,
    pub(super) migration: Option<Migration>,
    /// Its number among the states of its operator, once it is registered.
    pub(super) number: Option<u32>,
}

impl Definition {
    pub(super) fn new(name: &str, kind: StateKind) -> Self {
        Self { name: name.to_owned(), kind, ttl: None, migration: None, number: None }
    }

    /// The state's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What kind of state it is.
    pub fn kind(&self) -> StateKind {
        self.kind
    }
}

impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, kind, ttl, .. } = self;
        f.debug_struct("Definition")
            .field("name", name)
            .field("kind", kind)
            .field("ttl", ttl)
            .finish_non_exhaustive()
    }
}

/// A state's types, which it has no values of.
pub(super) type Types<T> = PhantomData<fn() -> T>;

/// What every state has: time to live, a namespace, and migration of its values.
macro_rules! settings {
    () => {
        /// Has it forget what was not used for some time.
        pub fn with_ttl(mut self, ttl: $crate::state::keyed::StateTtlConfig) -> Self {
            self.definition.ttl = Some(ttl);
            self
        }

        /// Its name.
        pub fn name(&self) -> &str {
            &self.definition.name
        }
    };
}
pub(super) use settings;
