//! Adding to the value of a key, or adding the key.

use super::{Body, Change, KeyTable, Refused, find_logged};
use crate::{
    Key, Record,
    record::{decode, is_plain, plain_bytes},
    state::{
        StateError,
        table::{
            index::Place,
            log::{Draft, Location},
            slots::{Located, Pair, logged},
        },
    },
};

/// An error before anything was done.
#[cold]
fn nothing_done<K, V>(error: StateError) -> Refused<K, V> {
    Refused { error, left_over: None }
}

impl<K: Key, V: Record> KeyTable<K, V> {
    /// Adds or changes the value of one key; the value afterwards.
    ///
    /// # Errors
    /// If there is no segment for it, or what is on disk can't be read.
    #[inline(always)]
    pub fn upsert<C: Change<K, V>>(&mut self, hash: u32, change: C) -> Result<V, Refused<K, V>> {
        if self.is_spilling {
            self.bring_back(hash).map_err(nothing_done)?;
        }
        let Body::Slots(index) = &mut self.body else { return self.upsert_logged(hash, change) };
        if let Some(slot) = index.find_open(hash, |slot| change.is(Pair::<K, V>::key(slot))) {
            let mut value = Pair::<K, V>::value(slot.bytes());
            change.add(&mut value);
            slot.replace(Pair::<K, V>::VALUE_AT, plain_bytes(&value));
            return Ok(value);
        }
        self.upsert_elsewhere(hash, change)
    }

    /// As [`KeyTable::upsert`], where keys and values lie in slots, for what is not usual.
    #[inline(never)]
    fn upsert_elsewhere<C: Change<K, V>>(
        &mut self,
        hash: u32,
        change: C,
    ) -> Result<V, Refused<K, V>> {
        loop {
            let Self { body, supply, .. } = self;
            let Body::Slots(index) = body else { unreachable!("the types decide") };
            let found = index.find(hash, |slot| change.is(Pair::<K, V>::key(slot)));
            let Some(place) = found else { return self.insert(hash, change) };
            if let Err(error) = index.open_slot(place, supply) {
                self.make_room(hash, error).map_err(nothing_done)?;
                continue;
            }
            let mut value = Pair::<K, V>::value(index.slot(place));
            change.add(&mut value);
            index.replace(place, Pair::<K, V>::VALUE_AT, plain_bytes(&value));
            return Ok(value);
        }
    }

    #[inline(always)]
    fn upsert_logged<C: Change<K, V>>(&mut self, hash: u32, change: C) -> Result<V, Refused<K, V>> {
        loop {
            let Self { body, supply, .. } = self;
            let Body::Logged(index, log) = body else { unreachable!("the types decide") };
            let Some((place, at)) = find_logged::<K>(index, log, hash, |key| change.is(key)) else {
                return self.insert(hash, change);
            };
            if is_plain::<V>() {
                match log.open_value(at, supply) {
                    Ok(Some(spot)) => {
                        let mut value = decode::<V>(logged::<V>(log.bytes(spot)));
                        change.add(&mut value);
                        log.replace(spot, plain_bytes(&value));
                        return Ok(value);
                    }
                    Ok(None) => {}
                    Err(error) => {
                        self.make_room(hash, error).map_err(nothing_done)?;
                        continue;
                    }
                }
            }
            let mut value = decode::<V>(logged::<V>(log.get(at).value()));
            // So that taking the entry out, should there be no room for a longer one, cannot fail.
            if let Err(error) = index.open_for(place, supply) {
                self.make_room(hash, error).map_err(nothing_done)?;
                continue;
            }
            change.add(&mut value);
            return self.write_changed((hash, place, at), value);
        }
    }

    /// Writes a value that was changed; takes the entry out if there is no room for it.
    fn write_changed(
        &mut self,
        (hash, place, at): (u32, Place, Location),
        value: V,
    ) -> Result<V, Refused<K, V>> {
        loop {
            let Err(error) = self.rewrite(place, at, &value) else { return Ok(value) };
            match self.make_room(hash, error) {
                Ok(()) => {}
                Err(error) if self.is_spilling => return Err(nothing_done(error)),
                Err(error) => return Err(self.taken_out(place, at, (value, error))),
            }
        }
    }

    /// Writes the new value of an entry, in place if it fits.
    pub(super) fn rewrite(
        &mut self,
        place: Place,
        at: Location,
        value: &V,
    ) -> Result<(), StateError> {
        let Self { body, supply, scratch, .. } = self;
        let Body::Logged(index, log) = body else { unreachable!("the types decide") };
        let value = scratch.1.archive(value);
        if log.set_value(at, value, supply)? {
            return Ok(());
        }
        // So that nothing fails once the entry was written anew.
        index.open_for(place, supply)?;
        let (hash, _) = Located::read(index.slot(place));
        let key = scratch.0.copy(log.get(at).key());
        let to = log.append(Draft { hash, key, value, slack: value.len() / 4 }, supply)?;
        Located::write(index.slot_mut(place, supply)?, hash, to);
        self.release(at);
        Ok(())
    }

    /// Takes an entry out whose new value could not be written.
    #[cold]
    fn taken_out(
        &mut self,
        place: Place,
        at: Location,
        (value, error): (V, StateError),
    ) -> Refused<K, V> {
        let Self { body, supply, .. } = self;
        let Body::Logged(index, log) = body else { unreachable!("the types decide") };
        let key = decode::<K>(logged::<K>(log.get(at).key()));
        index.remove(place, supply).expect("its segment was made writable before");
        self.release(at);
        Refused { error, left_over: Some((key, value)) }
    }

    #[cold]
    #[inline(never)]
    fn insert<C: Change<K, V>>(&mut self, hash: u32, change: C) -> Result<V, Refused<K, V>> {
        let key = change.key();
        let value = change.first();
        match self.insert_pair(hash, &key, &value) {
            Ok(()) => Ok(value),
            Err(error) => Err(Refused { error, left_over: Some((key, value)) }),
        }
    }
}
