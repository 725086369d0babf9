//! One state for one key and namespace: what all kinds of state are made of.

use super::{
    Definition,
    address::Role,
    store::{Blob, Store, Trailer, TrailerShape},
};
use crate::{
    Record,
    checkpoint::handle::StateKind,
    record::{checked_view, decode},
    state::{StateError, table::Scratch},
    time::Timestamp,
};

/// A place for the state of a key and a namespace.
pub struct Cell<'a> {
    pub(super) store: &'a mut Store,
    pub(super) definition: &'a Definition,
    pub(super) scratch: &'a mut Scratch,
    /// How messages call the operator.
    pub(super) operator: &'a str,
}

/// A value and what stands behind it.
struct Found<T> {
    value: T,
    trailer: Trailer,
}

impl Cell<'_> {
    fn shape(&self) -> TrailerShape {
        let Definition { ttl, kind, .. } = self.definition;
        self.store.shape(*kind, ttl.is_some())
    }

    fn error(&self, cause: crate::record::InvalidRecord) -> StateError {
        let (operator, state) = (self.operator.to_owned(), self.definition.name.clone());
        StateError::Damaged { operator, state, cause }
    }

    fn find<T: Record>(&mut self, sub_key: &[u8]) -> Result<Option<Found<T>>, StateError> {
        let shape = self.shape();
        let read = |bytes: &[u8]| {
            let (archive, trailer) = shape.split(bytes).expect("values have their trailers");
            checked_view::<T>(archive).map(|view| Found { value: decode(view), trailer })
        };
        let found = self.store.read(Role::Data, sub_key, read)?;
        found.transpose().map_err(|cause| self.error(cause))
    }

    /// Whether its time is over.
    fn is_over(&self, trailer: Trailer) -> bool {
        let ttl = self.definition.ttl.as_ref().zip(trailer.used);
        ttl.is_some_and(|(ttl, used)| ttl.is_over(used, self.store.now))
    }

    /// The value there, if there is one whose time is not over, or which may be seen all the same.
    pub(super) fn get<T: Record>(&mut self, sub_key: &[u8]) -> Result<Option<T>, StateError> {
        let Some(Found { value, trailer }) = self.find::<T>(sub_key)? else { return Ok(None) };
        let Some(ttl) = &self.definition.ttl else { return Ok(Some(value)) };
        if self.is_over(trailer) {
            self.remove(sub_key)?;
            return Ok(ttl.shows_expired().then_some(value));
        }
        if ttl.updates_on_read() {
            self.write(sub_key, &value, Trailer { used: Some(self.store.now), ..trailer })?;
        }
        Ok(Some(value))
    }

    /// Sets the value there.
    pub(super) fn put<T: Record>(&mut self, sub_key: &[u8], value: &T) -> Result<(), StateError> {
        let mut trailer = Trailer { used: self.used_now(), place: None };
        let shape = self.shape();
        if shape.is_map {
            let place = |bytes: &[u8]| shape.split(bytes).and_then(|(_, found)| found.place);
            trailer.place = match self.store.read(Role::Data, sub_key, place)?.flatten() {
                Some(place) => Some(place),
                None => Some(self.store.add_to_order(sub_key)?),
            };
        }
        self.write(sub_key, value, trailer)
    }

    pub(super) fn used_now(&self) -> Option<Timestamp> {
        self.definition.ttl.is_some().then_some(self.store.now)
    }

    fn write<T: Record>(
        &mut self,
        sub_key: &[u8],
        value: &T,
        trailer: Trailer,
    ) -> Result<(), StateError> {
        let mut blob = self.scratch.archive(value).to_vec();
        trailer.write(&mut blob);
        self.store.put(Role::Data, sub_key, &blob)
    }

    /// Removes the value there; whether there was one.
    pub(super) fn remove(&mut self, sub_key: &[u8]) -> Result<bool, StateError> {
        if self.definition.kind != StateKind::Map {
            return self.store.remove(Role::Data, sub_key);
        }
        self.store.remove_of_map(sub_key, self.shape())
    }

    /// All elements of a list that are not over, or may be seen all the same; those that are over are
    /// taken out.
    pub(super) fn elements<T: Record>(&mut self) -> Result<Vec<T>, StateError> {
        let count = self.store.count()?;
        let (mut seen, mut kept) = (Vec::new(), Vec::<Blob>::new());
        for number in 0..count {
            let Some(Found { value, trailer }) = self.find::<T>(&number.to_be_bytes())? else {
                let (operator, state) = (self.operator.to_owned(), self.definition.name.clone());
                return Err(StateError::MissingElement { operator, state, number });
            };
            let is_over = self.is_over(trailer);
            let reads = self.definition.ttl.is_some_and(|ttl| ttl.updates_on_read());
            let used = if reads { self.used_now() } else { trailer.used };
            if !is_over && self.definition.ttl.is_some() {
                let mut blob = self.scratch.archive(&value).to_vec();
                Trailer { used, ..trailer }.write(&mut blob);
                kept.push(blob);
            }
            if !is_over || self.definition.ttl.is_some_and(|ttl| ttl.shows_expired()) {
                seen.push(value);
            }
        }
        if self.definition.ttl.is_some() {
            self.replace_elements(&kept)?;
        }
        Ok(seen)
    }

    fn replace_elements(&mut self, kept: &[Blob]) -> Result<(), StateError> {
        let count = self.store.count()?;
        for (number, blob) in (0u64..).zip(kept) {
            self.store.put(Role::Data, &number.to_be_bytes(), blob)?;
        }
        for number in kept.len() as u64..count {
            self.store.remove(Role::Data, &number.to_be_bytes())?;
        }
        self.store.set_count(kept.len() as u64)
    }

    /// Adds an element behind the last.
    pub(super) fn append<T: Record>(&mut self, value: &T) -> Result<(), StateError> {
        let count = self.store.count()?;
        self.put(&count.to_be_bytes(), value)?;
        self.store.set_count(count + 1)
    }

    /// Removes all elements of a list.
    pub(super) fn clear_list(&mut self) -> Result<(), StateError> {
        self.replace_elements(&[])
    }

    /// The archived keys of a map's entries, in their order.
    pub(super) fn keys(&mut self) -> Result<Vec<Blob>, StateError> {
        self.store.map_keys()
    }

    /// The key of a map's entry.
    pub(super) fn decode_key<T: Record>(&mut self, archive: &[u8]) -> Result<T, StateError> {
        let mut aligned = crate::record::AlignedBytes::with_capacity(archive.len());
        aligned.extend_from_slice(archive);
        let decoded = checked_view::<T>(&aligned).map(decode);
        decoded.map_err(|cause| self.error(cause))
    }
}
