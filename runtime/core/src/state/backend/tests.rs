//! A backend of maps of the standard library, for tests of what stands on backends.

use std::{collections::BTreeMap, time::Duration};

use super::{
    EntryKey, FrozenStore, KeyedStore, NativeParts, NativeShare, NativeSnapshot, ReadState,
};
use crate::{
    BoxError,
    checkpoint::{handle::StateSchema, savepoint::Entry, storage::FileTarget},
    graph::KeyGroup,
    time::Timestamp,
};

/// Group, state, key, namespace, sub-key.
type Place = (KeyGroup, u32, Vec<u8>, Vec<u8>, Vec<u8>);

#[derive(Clone, Default)]
pub(in crate::state) struct MapStore {
    entries: BTreeMap<Place, Vec<u8>>,
    names: Vec<String>,
    /// By name, until the state is registered.
    restored: BTreeMap<String, Vec<(Place, Vec<u8>)>>,
}

fn place(entry: &EntryKey<'_>) -> Place {
    let EntryKey { state, group, key, namespace, sub_key } = entry;
    (*group, *state, key.to_vec(), namespace.to_vec(), sub_key.to_vec())
}

impl KeyedStore for MapStore {
    fn restore(
        &mut self,
        shares: &[NativeShare<'_>],
        read: &mut ReadState<'_>,
    ) -> Result<(), BoxError> {
        for share in shares {
            assert!(share.shared.iter().all(|shared| shared.name == "one"));
            for shared in share.shared {
                read(&shared.state, &mut |_| Ok(()))?;
            }
            let lines = std::str::from_utf8(share.own)?.lines();
            for line in lines {
                let (name, place, value): (String, Place, Vec<u8>) = parse(line);
                if share.wanted.contains(place.0) {
                    self.restored.entry(name).or_default().push((place, value));
                }
            }
        }
        Ok(())
    }

    fn register(&mut self, state: u32, schema: &StateSchema) -> Result<(), BoxError> {
        assert_eq!(state as usize, self.names.len());
        self.names.push(schema.name.clone());
        for (mut place, value) in self.restored.remove(&schema.name).unwrap_or_default() {
            place.1 = state;
            self.entries.insert(place, value);
        }
        Ok(())
    }

    fn expire(&mut self, _state: u32, _ttl: Duration) {}

    fn advance_clock(&mut self, _now: Timestamp) {}

    fn fetch(&mut self, entries: &mut dyn Iterator<Item = EntryKey<'_>>) -> Result<(), BoxError> {
        entries.for_each(|entry| assert!((entry.state as usize) < self.names.len()));
        Ok(())
    }

    fn read(
        &mut self,
        entry: &EntryKey<'_>,
        look: &mut dyn FnMut(&[u8]),
    ) -> Result<bool, BoxError> {
        let found = self.entries.get(&place(entry));
        found.iter().for_each(|value| look(value));
        Ok(found.is_some())
    }

    fn put(&mut self, entry: &EntryKey<'_>, value: &[u8]) -> Result<(), BoxError> {
        assert!((entry.state as usize) < self.names.len());
        self.entries.insert(place(entry), value.to_vec());
        Ok(())
    }

    fn remove(&mut self, entry: &EntryKey<'_>) -> Result<(), BoxError> {
        self.entries.remove(&place(entry));
        Ok(())
    }

    fn scan(
        &mut self,
        of: &EntryKey<'_>,
        each: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Result<(), BoxError> {
        let of = place(of);
        let same =
            |place: &Place| (place.0, place.1, &place.2, &place.3) == (of.0, of.1, &of.2, &of.3);
        self.entries
            .iter()
            .filter(|(place, _)| same(place))
            .for_each(|(place, value)| each(&place.4, value));
        Ok(())
    }

    fn rewrite(
        &mut self,
        state: u32,
        change: &mut dyn FnMut(&EntryKey<'_>, &[u8]) -> Result<Vec<u8>, BoxError>,
    ) -> Result<(), BoxError> {
        for (place, value) in self.entries.iter_mut().filter(|(place, _)| place.1 == state) {
            let (group, state, key, namespace, sub_key) = place;
            let (group, state) = (*group, *state);
            *value = change(&EntryKey { state, group, key, namespace, sub_key }, value)?;
        }
        Ok(())
    }

    fn freeze(&mut self) -> Result<Box<dyn FrozenStore>, BoxError> {
        Ok(Box::new(self.clone()))
    }

    fn snapshot(&mut self) -> Result<Box<dyn NativeSnapshot>, BoxError> {
        Ok(Box::new(self.clone()))
    }
}

impl FrozenStore for MapStore {
    fn is_ready(&self) -> bool {
        true
    }

    fn next(
        &mut self,
        each: &mut dyn FnMut(KeyGroup, &Entry<'_>) -> bool,
    ) -> Result<bool, BoxError> {
        while let Some(((group, state, key, namespace, sub_key), value)) = self.entries.pop_first()
        {
            let entry =
                Entry { state, key: &key, namespace: &namespace, sub_key: &sub_key, value: &value };
            if !each(group, &entry) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl NativeSnapshot for MapStore {
    fn begin(&mut self, _target: &FileTarget) {}

    fn is_ready(&self) -> bool {
        true
    }

    fn take(&mut self) -> Result<NativeParts, BoxError> {
        let line = |(place, value): (&Place, &Vec<u8>)| {
            let name = &self.names[place.1 as usize];
            let place = (place.0.0, place.1, &place.2, &place.3, &place.4);
            serde_json::to_string(&(name, place, value)).expect("numbers and text") + "\n"
        };
        let own: String = self.entries.iter().map(line).collect();
        Ok(NativeParts { own: own.into_bytes(), ..NativeParts::default() })
    }
}

fn parse(line: &str) -> (String, Place, Vec<u8>) {
    type Parts = (u32, u32, Vec<u8>, Vec<u8>, Vec<u8>);
    let (name, place, value): (String, Parts, Vec<u8>) =
        serde_json::from_str(line).expect("what was written");
    (name, (KeyGroup(place.0), place.1, place.2, place.3, place.4), value)
}
