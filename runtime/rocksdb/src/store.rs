//! The keyed state of one operator of one subtask.

use std::{sync::Arc, time::Duration};

use brisk_core::{
    BoxError,
    checkpoint::handle::StateSchema,
    state::backend::{EntryKey, FrozenStore, KeyedStore, NativeShare, NativeSnapshot, ReadState},
    time::Timestamp,
};

use crate::{
    RocksDbError,
    database::Database,
    ground::Ground,
    key::{DecodedKey, behind, encode, encode_prefix},
    metrics::NATIVE_METRICS,
    pending::{Known, Pending},
    snapshot::{Cut, FrozenRocksDb, Purpose, Released, Saver, restore},
};

/// Times the size of a batch that changes may take while files are linked.
const BATCHES_MAX: usize = 16;

/// One state.
struct State {
    name: String,
    pending: Pending,
}

/// See the crate's page.
pub(crate) struct RocksDbStore {
    /// By number.
    states: Vec<State>,
    /// There from the first state on.
    database: Option<Arc<Database>>,
    /// The last barrier, while its files are not known to be linked.
    cut: Option<Arc<Cut>>,
    saver: Saver,
    /// The key in hand.
    key: Vec<u8>,
    ahead: Ahead,
    // The last to go: what is above has files in its folder.
    ground: Ground,
}

/// Keys that are to be read together, one behind the other.
#[derive(Default)]
struct Ahead {
    bytes: Vec<u8>,
    /// The state of each, and where it ends.
    ends: Vec<(u32, usize)>,
}

impl Ahead {
    /// Each key with its state, in order.
    fn sorted(&self) -> Vec<(u32, &[u8])> {
        let mut begin = 0;
        let key = |(state, end): &(u32, usize)| {
            let key = (*state, &self.bytes[begin..*end]);
            begin = *end;
            key
        };
        let mut keys: Vec<_> = self.ends.iter().map(key).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

impl RocksDbStore {
    pub(crate) fn new(ground: Ground, saver: Saver) -> Self {
        let (states, database, cut) = (Vec::new(), None, None);
        let (key, ahead) = (Vec::new(), Ahead::default());
        Self { states, database, cut, saver, key, ahead, ground }
    }

    fn database(&self) -> &Arc<Database> {
        self.database.as_ref().expect("a state was registered before it is used")
    }

    fn pending_bytes(&self) -> usize {
        self.states.iter().map(|state| state.pending.bytes()).sum()
    }

    /// Whether the files of the last barrier are linked, so that the database may change.
    fn may_write(&mut self) -> bool {
        if self.cut.as_ref().is_some_and(|cut| cut.is_linked()) {
            self.cut = None;
        }
        self.cut.is_none()
    }

    /// Gives changes to the database when enough have come together.
    fn settle(&mut self) -> Result<(), RocksDbError> {
        let (bytes, batch) = (self.pending_bytes(), self.ground.settings.write_batch_bytes);
        if bytes < batch {
            return Ok(());
        }
        if self.may_write() {
            return self.write();
        }
        // Of changes there must be an end, too: then records wait for the disk.
        if bytes < batch.saturating_mul(BATCHES_MAX) { Ok(()) } else { self.write_all() }
    }

    /// Gives all changes to the database, once that may change.
    fn write_all(&mut self) -> Result<(), RocksDbError> {
        if let Some(cut) = self.cut.take() {
            cut.wait_for_links();
        }
        self.write()
    }

    fn write(&mut self) -> Result<(), RocksDbError> {
        let Self { states, database, .. } = self;
        if let Some(database) = database
            && !states.iter().all(|state| state.pending.is_clean())
        {
            let changes = states.iter().flat_map(|State { name, pending }| {
                pending.changes().map(move |(key, value)| (name.as_str(), key, value))
            });
            database.write(changes)?;
        }
        states.iter_mut().for_each(|state| state.pending.clear());
        Ok(())
    }

    fn change(&mut self, entry: &EntryKey<'_>, value: Option<&[u8]>) -> Result<(), RocksDbError> {
        encode(entry, &mut self.key);
        self.states[entry.state as usize].pending.put(&self.key, value);
        self.settle()
    }

    /// Freezes the store for a snapshot.
    fn freeze_for(&mut self, purpose: Purpose) -> Result<Released, RocksDbError> {
        if self.database.is_none() {
            self.database = Some(Arc::new(self.ground.open()?));
        }
        self.write_all()?;
        let database = self.database.as_ref().expect("it was just opened");
        let released = self.saver.cut(database, purpose);
        self.cut = Some(Arc::clone(&released.cut));
        Ok(released)
    }
}

impl KeyedStore for RocksDbStore {
    fn restore(
        &mut self,
        shares: &[NativeShare<'_>],
        read: &mut ReadState<'_>,
    ) -> Result<(), BoxError> {
        assert!(self.database.is_none(), "state is restored before it is used");
        self.database = Some(Arc::new(restore(&self.ground, shares, read)?));
        Ok(())
    }

    fn register(&mut self, state: u32, schema: &StateSchema) -> Result<(), BoxError> {
        assert_eq!(state as usize, self.states.len(), "states are numbered one after another");
        let opened = match self.database.take() {
            Some(database) => database,
            None => Arc::new(self.ground.open()?),
        };
        let database = self.database.insert(opened);
        if !database.has(&schema.name) {
            let database = Arc::get_mut(database).expect("states are registered before barriers");
            database.create(&schema.name, self.ground.opening(false))?;
        }
        self.states.push(State { name: schema.name.clone(), pending: Pending::default() });
        Ok(())
    }

    fn expire(&mut self, state: u32, ttl: Duration) {
        self.ground.expiry(&self.states[state as usize].name).set_ttl(ttl);
    }

    fn advance_clock(&mut self, now: Timestamp) {
        self.ground.advance_clock(now);
    }

    fn fetch(&mut self, entries: &mut dyn Iterator<Item = EntryKey<'_>>) -> Result<(), BoxError> {
        let Self { states, database, ahead, key, .. } = self;
        let database = database.as_ref().expect("a state was registered before it is used");
        ahead.bytes.clear();
        ahead.ends.clear();
        for entry in entries {
            encode(&entry, key);
            if states[entry.state as usize].pending.get(key).is_none() {
                ahead.bytes.extend_from_slice(key);
                ahead.ends.push((entry.state, ahead.bytes.len()));
            }
        }
        for of_state in ahead.sorted().chunk_by(|one, other| one.0 == other.0) {
            let State { name, pending } = &mut states[of_state[0].0 as usize];
            let keys: Vec<&[u8]> = of_state.iter().map(|(_, key)| *key).collect();
            database.read_all(name, &keys, &mut |key, value| pending.note(key, value))?;
        }
        Ok(())
    }

    fn read(
        &mut self,
        entry: &EntryKey<'_>,
        look: &mut dyn FnMut(&[u8]),
    ) -> Result<bool, BoxError> {
        encode(entry, &mut self.key);
        let State { name, pending } = &self.states[entry.state as usize];
        if let Some(known) = pending.get(&self.key) {
            known.value.iter().for_each(|value| look(value));
            return Ok(known.value.is_some());
        }
        Ok(self.database().read(name, &self.key, look)?)
    }

    fn put(&mut self, entry: &EntryKey<'_>, value: &[u8]) -> Result<(), BoxError> {
        Ok(self.change(entry, Some(value))?)
    }

    fn remove(&mut self, entry: &EntryKey<'_>) -> Result<(), BoxError> {
        Ok(self.change(entry, None)?)
    }

    fn scan(
        &mut self,
        of: &EntryKey<'_>,
        each: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Result<(), BoxError> {
        encode_prefix(of, &mut self.key);
        let State { name, pending } = &self.states[of.state as usize];
        let (prefix, database) = (&self.key, self.database());
        let mut iterator = database.iterator(name, behind(prefix));
        iterator.seek(prefix);
        let mut known =
            pending.from(prefix).take_while(|(key, _)| key.starts_with(prefix)).peekable();
        let mut show = |key: &[u8], value: &[u8]| each(&key[prefix.len()..], value);
        let show_known = |key: &[u8], known: &Known, show: &mut dyn FnMut(&[u8], &[u8])| {
            known.value.iter().for_each(|value| show(key, value));
        };
        while let Some((key, value)) = iterator.item() {
            while let Some((before, change)) = known.next_if(|(known, _)| known[..] < *key) {
                show_known(before, change, &mut show);
            }
            match known.next_if(|(known, _)| known[..] == *key) {
                Some((same, change)) => show_known(same, change, &mut show),
                None => show(key, value),
            }
            iterator.next();
        }
        known.for_each(|(key, change)| show_known(key, change, &mut show));
        Ok(database.check(&iterator)?)
    }

    fn rewrite(
        &mut self,
        state: u32,
        change: &mut dyn FnMut(&EntryKey<'_>, &[u8]) -> Result<Vec<u8>, BoxError>,
    ) -> Result<(), BoxError> {
        self.write_all()?;
        let database = Arc::clone(self.database());
        let name = self.states[state as usize].name.clone();
        // It shows what was there when it began.
        let mut iterator = database.iterator(&name, None);
        iterator.seek_to_first();
        let mut decoded = DecodedKey::default();
        while let Some((key, value)) = iterator.item() {
            if !decoded.decode(key) {
                let (owner, what) = (self.ground.owner.clone(), "a key is none of ours".to_owned());
                return Err(RocksDbError::Damaged { owner, what }.into());
            }
            let value = change(&decoded.entry(state), value)?;
            self.states[state as usize].pending.put(key, Some(&value));
            self.settle()?;
            iterator.next();
        }
        Ok(database.check(&iterator)?)
    }

    fn metrics(&self, each: &mut dyn FnMut(&str, &'static str, u64)) {
        let Some(database) = &self.database else { return };
        for State { name, .. } in &self.states {
            for metric in NATIVE_METRICS {
                if let Some(value) = database.property(name, metric.property) {
                    each(name, metric.name, value);
                }
            }
        }
    }

    fn freeze(&mut self) -> Result<Box<dyn FrozenStore>, BoxError> {
        let released = self.freeze_for(Purpose::Entries)?;
        let states = self.states.iter().map(|state| state.name.clone()).collect();
        Ok(Box::new(FrozenRocksDb::new(released, states, self.ground.range)))
    }

    fn snapshot(&mut self) -> Result<Box<dyn NativeSnapshot>, BoxError> {
        Ok(Box::new(self.freeze_for(Purpose::Files)?))
    }
}

impl std::fmt::Debug for RocksDbStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RocksDbStore").field("ground", &self.ground).finish_non_exhaustive()
    }
}
