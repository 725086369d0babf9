//! Reading windows out of a checkpoint.

use super::{KeyGroups, State};
use crate::{
    Record,
    chain::keyed::window::{FiredOf, WindowCore},
    checkpoint::{
        handle::StateSchema,
        restore::{KeyedShare, check_schema},
        savepoint::Entry,
    },
    error::TaskError,
    exchange::key_group_of,
    graph::KeyGroup,
    record::{Key, key_hash},
    state::{
        HashRange,
        snapshot::{ArchiveReader, read_share},
    },
    task::snapshot::RestoredState,
    time::{
        Timestamp,
        window::{Fired, Image, NotTaken, Piece, TimeDomain, Unfit, Window},
    },
};

/// How messages call windows as a whole.
const WINDOWS: &str = "windows";

/// Fills an empty core with this subtask's share of a checkpoint, if there is one.
///
/// # Errors
/// If the share can't be read, is damaged, or is not what these windows keep.
pub(in crate::chain::keyed) fn restore<T, K, C>(
    core: &mut C,
    state: &RestoredState,
    groups: KeyGroups,
) -> Result<(), TaskError>
where
    K: Key,
    C: WindowCore<T, K>,
{
    let mut restoring = Restoring::<T, K, C> {
        groups,
        archives: ArchiveReader::default(),
        results: Vec::new(),
        core,
    };
    for share in state.keyed() {
        restoring.share(state, share)?;
    }
    restoring.finish()
}

/// A core that is being filled.
struct Restoring<'a, T, K, C: WindowCore<T, K>> {
    core: &'a mut C,
    groups: KeyGroups,
    archives: ArchiveReader,
    /// Results that waited, with their places in line.
    results: Vec<(u64, FiredOf<T, K, C>)>,
}

/// The states of a handle, by their place in it.
type States = Vec<State>;

fn unfit(state: &str, what: impl ToString) -> TaskError {
    TaskError::UnfitState { state: state.to_string(), what: what.to_string() }
}

impl<T, K: Key, C: WindowCore<T, K>> Restoring<'_, T, K, C> {
    fn share(&mut self, state: &RestoredState, share: &KeyedShare) -> Result<(), TaskError> {
        let states = self.states(state.label(), &share.handle.schemas)?;
        read_share(state, share, |group, entry| {
            self.entry(group, states[entry.state as usize], entry)
        })
    }

    /// Which state is at which place, after their types were checked.
    fn states(&self, operator: &str, stored: &[StateSchema]) -> Result<States, TaskError> {
        let known = |schema: &StateSchema| {
            let state = State::ALL.into_iter().find(|state| state.name() == schema.name);
            let state =
                state.ok_or_else(|| unfit(&schema.name, "it is none of a windowed operator's"))?;
            check_schema(operator, schema, &state.schema(self.core))?;
            Ok(state)
        };
        stored.iter().map(known).collect()
    }

    fn entry(&mut self, group: KeyGroup, state: State, entry: &Entry<'_>) -> Result<(), TaskError> {
        if state == State::Progress {
            return self.progress(group, entry);
        }
        let key: K = self.record(state, entry.key)?;
        let hash = key_hash(&key);
        if key_group_of(hash, self.groups.all.0 as usize) != group.0 as usize {
            return Err(unfit(state.name(), format!("a key is not of its key group {group}")));
        }
        let piece = match state {
            State::Contents => {
                let window = self.window(state, entry.namespace)?;
                Piece::Content { window, content: self.record(state, entry.value)? }
            }
            State::Triggers => {
                let window = self.window(state, entry.namespace)?;
                Piece::Trigger { window, state: self.record(state, entry.value)? }
            }
            State::EventTimers | State::ProcessingTimers => {
                let window: Option<C::Window> = self.record(state, entry.namespace)?;
                if window.as_ref().is_some_and(|window| !window.is_valid()) {
                    return Err(unfit(state.name(), "a window ends before it begins"));
                }
                let domain = match state {
                    State::EventTimers => TimeDomain::EventTime,
                    _ => TimeDomain::ProcessingTime,
                };
                let time = number(state, entry.sub_key)? ^ 1 << 63;
                Piece::Timer { domain, time: Timestamp::from_millis(time as i64), window }
            }
            State::Results => {
                let window = self.window(state, entry.namespace)?;
                let content = self.record(state, entry.value)?;
                let place = number(state, entry.sub_key)?;
                self.results.push((place, Fired { key, window, content }));
                return Ok(());
            }
            State::Progress => unreachable!("it has no key"),
        };
        let taken = self.core.put_back(hash, Image { key, piece });
        taken.map_err(|error| match error {
            NotTaken::Unfit(error) => unfit(state.name(), error),
            NotTaken::State(error) => error.into(),
        })
    }

    /// Takes back how far the windows of a key group had fired.
    fn progress(&mut self, group: KeyGroup, entry: &Entry<'_>) -> Result<(), TaskError> {
        let state = State::Progress;
        let time: Timestamp = self.record(state, entry.value)?;
        let hash = u32::try_from(number(state, entry.sub_key)?);
        let hash = hash.map_err(|_| unfit(state.name(), "a hash is below 2^32"))?;
        let group = HashRange::of_key_group(group, self.groups.all);
        let taken = self.core.put_back_reached(group, (hash, time));
        taken.map_err(|error| unfit(state.name(), error))
    }

    fn record<R: Record>(&mut self, state: State, bytes: &[u8]) -> Result<R, TaskError> {
        self.archives.read(state.name(), bytes)
    }

    fn window(&mut self, state: State, bytes: &[u8]) -> Result<C::Window, TaskError> {
        let window: C::Window = self.record(state, bytes)?;
        if window.is_valid() {
            Ok(window)
        } else {
            Err(unfit(state.name(), "a window ends before it begins"))
        }
    }

    /// Results go on in the order in which they waited.
    fn finish(mut self) -> Result<(), TaskError> {
        self.results.sort_by_key(|(place, _)| *place);
        let results = self.results.into_iter().map(|(_, fired)| fired).collect();
        let finished: Result<(), Unfit> = self.core.finish_restore(results);
        finished.map_err(|error| unfit(WINDOWS, error))
    }
}

/// A number in a sub key, big endian.
fn number(state: State, bytes: &[u8]) -> Result<u64, TaskError> {
    let bytes = bytes.try_into();
    bytes.map(u64::from_be_bytes).map_err(|_| unfit(state.name(), "a sub key is not 8 bytes long"))
}
