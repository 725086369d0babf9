//! Windows in a checkpoint: what a core keeps, in the canonical form of keyed state.
//!
//! ```text
//! state                     entry: key | namespace           | sub key         | value
//! window-contents                  key | window or slice     |                 | content
//! window-triggers                  key | window              |                 | what it remembers
//! window-event-timers              key | Some(window), None  | time            |
//! window-processing-timers         key | Some(window), None  | time            |
//! window-results                   key | window              | place in line   | result
//! window-progress                      |                     | hash, u64 BE    | time
//! ```
//!
//! Cores that keep the windows of a key together have one timer for each key (`None`), for whatever
//! is due for it next. Those that keep the windows of all keys together say instead up to which time
//! all had fired (`window-progress`), of a key group's keys with this hash and those behind it; they
//! take timers of keys as well, which they had once. Results are those that had fired and waited for room when the barrier came.
//! The watermark is not in it: it is stored by the gate and comes again, and with it what was due and
//! had not fired.
//!
//! At the barrier what lies in managed memory is shared, and the rest is copied, as values; its bytes
//! are made one key group at a time while records go on ([`Frozen`]). Windows restored are judged by what the program has now: a type, a
//! size or a slide that has changed is an error that says so, another lateness is not.
//!
//! Thread: of the task's worker.

mod frozen;
mod restore;

pub(super) use restore::restore;

use frozen::Frozen;

use crate::{
    Record,
    chain::keyed::window::WindowCore,
    checkpoint::handle::{BackendKind, StateKind, StateSchema},
    graph::{KeyGroupRange, MaxParallelism},
    record::Key,
    state::snapshot::StateTypes,
    task::snapshot::KeyedSnapshot,
    time::{Timestamp, window::Piece},
};

/// The key groups of an operator.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyGroups {
    /// How many there are.
    pub(super) all: MaxParallelism,
    /// Those of this subtask.
    pub(super) own: KeyGroupRange,
}

/// The states of windows, in the order of their schemas.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum State {
    Contents,
    Triggers,
    EventTimers,
    ProcessingTimers,
    Results,
    Progress,
}

impl State {
    const ALL: [State; 6] = [
        State::Contents,
        State::Triggers,
        State::EventTimers,
        State::ProcessingTimers,
        State::Results,
        State::Progress,
    ];

    fn name(self) -> &'static str {
        match self {
            State::Contents => "window-contents",
            State::Triggers => "window-triggers",
            State::EventTimers => "window-event-timers",
            State::ProcessingTimers => "window-processing-timers",
            State::Results => "window-results",
            State::Progress => "window-progress",
        }
    }

    fn schema<T, K: Key, C: WindowCore<T, K>>(self, core: &C) -> StateSchema {
        match self {
            State::Contents => {
                let schema = schema::<K, C::Window, C::Kept>(self.name(), StateKind::Aggregating);
                cut(schema, &core.layout())
            }
            State::Triggers => schema::<K, C::Window, C::Memory>(self.name(), StateKind::Value),
            State::EventTimers => {
                schema::<K, Option<C::Window>, ()>(self.name(), StateKind::EventTimers)
            }
            State::ProcessingTimers => {
                schema::<K, Option<C::Window>, ()>(self.name(), StateKind::ProcessingTimers)
            }
            State::Results => schema::<K, C::Window, C::Content>(self.name(), StateKind::List),
            State::Progress => schema::<(), (), Timestamp>(self.name(), StateKind::Value),
        }
    }
}

/// The schema of a state of windows with these keys, namespaces and values.
fn schema<K: Record, W: Record, V: Record>(name: &str, kind: StateKind) -> StateSchema {
    StateTypes::new::<K, V>().in_namespace::<W>().schema(name, kind)
}

/// The schema of contents that are cut like this.
fn cut(schema: StateSchema, layout: &str) -> StateSchema {
    let fingerprint = crc32c::crc32c_append(schema.fingerprint as u32, layout.as_bytes());
    let shape = format!("{}, {layout}", schema.shape);
    StateSchema { fingerprint: u64::from(fingerprint), shape, ..schema }
}

/// What a core keeps, as it is now; nothing if it keeps nothing.
pub(super) fn snapshot<T, K, C>(core: &mut C, groups: KeyGroups) -> Option<KeyedSnapshot>
where
    K: Key,
    C: WindowCore<T, K>,
    Piece<C::Window, C::Kept, C::Memory, C::Content>: 'static,
{
    let kept = core.freeze(groups.all);
    if kept.is_empty() {
        return None;
    }
    let schemas = State::ALL.map(|state| state.schema(core)).to_vec();
    let stream = Box::new(Frozen::new(kept, groups));
    Some(KeyedSnapshot { backend: BackendKind::Canonical, range: groups.own, schemas, stream })
}

#[cfg(test)]
mod tests;
