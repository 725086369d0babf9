//! What is written about the types of keyed state.

use std::any::TypeId;

use crate::{
    Record,
    checkpoint::handle::{StateKind, StateSchema},
    task::snapshot::schema_of,
};

/// The types of a state, for its schema.
#[derive(Clone, Debug)]
pub struct StateTypes {
    parts: Vec<(&'static str, StateSchema)>,
}

impl StateTypes {
    /// How the shape of a state with a time to live ends: each value has the time of its last use
    /// behind it.
    pub(crate) const TTL: &'static str = " with time to live";

    /// The same with a time to live.
    pub(crate) fn with_ttl(mut self) -> Self {
        let none = StateSchema { shape: String::new(), fingerprint: 0, ..schema_of::<()>("") };
        self.parts.push((Self::TTL, none));
        self
    }

    /// The same with values of another type.
    pub(crate) fn with_value(&self, value: &StateSchema) -> Self {
        let mut parts = self.parts.clone();
        parts[0].1 = value.clone();
        Self { parts }
    }

    /// Values by key.
    pub(crate) fn new<K: Record, V: Record>() -> Self {
        Self { parts: vec![("", schema_of::<V>("")), (" by key ", schema_of::<K>(""))] }
    }

    /// The same in a namespace, unless that says nothing.
    pub(crate) fn in_namespace<N: Record>(mut self) -> Self {
        if TypeId::of::<N>() == TypeId::of::<()>() {
            return self;
        }
        self.parts.push((" in namespace ", schema_of::<N>("")));
        self
    }

    /// The same by a sub-key, as the key in a map.
    pub(crate) fn with_sub_key<S: Record>(mut self) -> Self {
        self.parts.push((" at ", schema_of::<S>("")));
        self
    }

    /// The schema of a state of these types.
    pub(crate) fn schema(&self, name: &str, kind: StateKind) -> StateSchema {
        let shape: String = self.parts.iter().flat_map(|(role, of)| [*role, &of.shape]).collect();
        let layouts = self.parts.iter().map(|(role, of)| format!("{role}:{}", of.fingerprint));
        let layouts: String = layouts.collect();
        let fingerprint = u64::from(crc32c::crc32c(layouts.as_bytes()));
        StateSchema { name: name.to_owned(), kind, fingerprint, shape }
    }
}

/// The schema of a state of one value for each key.
pub(crate) fn keyed_schema<K: Record, V: Record>(name: &str) -> StateSchema {
    StateTypes::new::<K, V>().schema(name, StateKind::Value)
}
