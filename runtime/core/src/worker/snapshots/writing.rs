//! One task's part of a checkpoint on its way to where it is kept.

use brisk_memory::driver::{Driver, Instant64};
use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::{
    PIECE_BYTES, SLICE,
    destination::{Destination, Ended},
};
use crate::{
    checkpoint::{
        coordinator::TaskSnapshot,
        handle::{
            ChannelStateHandle, KeyedStateHandle, OperatorStateHandle, StateHandle, SubtaskState,
        },
    },
    graph::OperatorId,
    task::{
        SubtaskPlan, TaskKey,
        snapshot::{ChannelCut, KeyedSnapshot, ListSnapshot, TaskCut},
    },
};

/// Bytes of segments that are handed to the disk in one turn at most, which costs a look at each.
const SEGMENT_BYTES_PER_TURN: u64 = 512 << 10;

/// A state that is to be written, and whose it is.
#[derive(Debug)]
enum Part {
    List(OperatorId, ListSnapshot),
    Keyed(OperatorId, KeyedSnapshot),
    Channel(OperatorId, ChannelCut),
}

/// The bytes of the part in hand that the destination has not taken.
#[derive(Debug)]
struct InHand {
    part: Part,
    bytes: Vec<u8>,
    taken: usize,
    /// All bytes of the part were made.
    made: bool,
    /// Segments may come before the bytes, and so many bytes of them were written.
    has_segments: bool,
    segment_bytes: u64,
}

/// One task's part of a checkpoint.
#[derive(Debug)]
pub(super) struct Writing {
    plan: Arc<SubtaskPlan>,
    cut: TaskCut,
    began: Instant64,
    /// Filled when the task's operators are done.
    parts: Option<VecDeque<Part>>,
    hand: Option<InHand>,
    snapshot: TaskSnapshot,
    /// What one turn took at most.
    longest_piece: Duration,
}

/// How far it is.
pub(super) enum Progress {
    More,
    /// For what is on its way to the disk.
    Waits,
    Done(TaskSnapshot),
}

impl Writing {
    pub(super) fn new(plan: Arc<SubtaskPlan>, cut: TaskCut, began: Instant64) -> Self {
        let snapshot = TaskSnapshot { metrics: cut.metrics, ..TaskSnapshot::default() };
        let longest_piece = Duration::ZERO;
        Self { plan, cut, began, parts: None, hand: None, snapshot, longest_piece }
    }

    pub(super) fn task(&self) -> TaskKey {
        self.plan.key
    }

    /// A turn took so long.
    pub(super) fn took(&mut self, time: Duration) {
        self.longest_piece = self.longest_piece.max(time);
    }

    /// What was handed over, with what it took.
    pub(super) fn measured(self, mut snapshot: TaskSnapshot) -> TaskSnapshot {
        snapshot.metrics.longest_piece = self.longest_piece;
        snapshot
    }

    pub(super) fn is_ready(&self) -> bool {
        self.cut.is_ready()
    }

    /// Whether one of its states is open at the destination.
    pub(super) fn has_begun(&self) -> bool {
        self.hand.is_some()
    }

    /// Whether the task should rest until more is written; never while something of it is waited for.
    pub(super) fn is_starved(&mut self) -> bool {
        if !self.is_ready() {
            return false;
        }
        let starved = |part: &mut Part| match part {
            Part::Keyed(_, keyed) => is_starved(keyed),
            _ => false,
        };
        let waiting = self.cut.operators.iter_mut().flat_map(|(_, snapshot)| &mut snapshot.keyed);
        self.hand.as_mut().is_some_and(|hand| starved(&mut hand.part))
            || self.parts.iter_mut().flatten().any(starved)
            || waiting.into_iter().any(is_starved)
    }

    /// The states, one behind the other.
    fn parts(&mut self) -> &mut VecDeque<Part> {
        if self.parts.is_none() {
            let mut parts = VecDeque::new();
            for (node, snapshot) in std::mem::take(&mut self.cut.operators) {
                let id = self.plan.operator(node).id;
                if snapshot.finished {
                    self.snapshot.operators.push((id, SubtaskState::finished()));
                }
                parts.extend(snapshot.lists.into_iter().map(|list| Part::List(id, list)));
                parts.extend(snapshot.keyed.into_iter().map(|keyed| Part::Keyed(id, keyed)));
            }
            // In-flight buffers belong to the task; its head stands for it.
            let head = self.plan.operator(self.plan.head()).id;
            let channels = std::mem::take(&mut self.cut.channels).into_iter();
            parts.extend(channels.map(|channel| Part::Channel(head, channel)));
            self.parts = Some(parts);
        }
        self.parts.as_mut().expect("it was just filled")
    }

    /// Makes and writes a piece.
    pub(super) fn advance(
        &mut self,
        destination: &mut Destination,
        driver: &mut Driver,
    ) -> Result<Progress, String> {
        let mut hand = match self.hand.take() {
            Some(hand) => hand,
            None => {
                let Some(part) = self.parts().pop_front() else {
                    return self.done(destination, driver);
                };
                destination.begin();
                InHand::new(part)
            }
        };
        if let Some(progress) = hand.write_segments(destination, driver)? {
            self.hand = Some(hand);
            return Ok(progress);
        }
        if hand.taken == hand.bytes.len() && !hand.made {
            hand.make_piece()?;
        }
        hand.taken += destination.append(driver, &hand.bytes[hand.taken..])?;
        if hand.taken < hand.bytes.len() {
            self.hand = Some(hand);
            return Ok(Progress::Waits);
        }
        if !hand.made {
            self.hand = Some(hand);
            return Ok(Progress::More);
        }
        match destination.end(driver)? {
            Ended::Full => {
                self.hand = Some(hand);
                Ok(Progress::Waits)
            }
            Ended::Handle(state) => {
                self.snapshot.metrics.checkpointed_bytes += state.len() + hand.segment_bytes;
                self.keep(hand.part, state);
                Ok(Progress::More)
            }
        }
    }

    fn done(&mut self, destination: &Destination, driver: &Driver) -> Result<Progress, String> {
        self.snapshot.metrics.write = driver.now().saturating_since(self.began);
        destination.check(&self.plan.display_name(), &self.snapshot)?;
        Ok(Progress::Done(std::mem::take(&mut self.snapshot)))
    }

    fn keep(&mut self, part: Part, state: StateHandle) {
        let (Part::List(id, _) | Part::Keyed(id, _) | Part::Channel(id, _)) = &part;
        let operators = &mut self.snapshot.operators;
        let at = operators.iter().position(|(known, _)| known == id).unwrap_or_else(|| {
            operators.push((*id, SubtaskState::default()));
            operators.len() - 1
        });
        let subtask = &mut operators[at].1;
        match part {
            Part::List(_, list) => {
                let offsets = offsets(list.elements.iter().map(Vec::len));
                let ListSnapshot { schema, mode, .. } = list;
                subtask.operator.push(OperatorStateHandle { schema, mode, offsets, state });
            }
            Part::Keyed(_, mut keyed) => {
                let offsets = keyed.stream.offsets();
                let KeyedSnapshot { backend, range, schemas, .. } = keyed;
                let shared = keyed.stream.shared();
                self.snapshot.metrics.checkpointed_bytes += keyed.stream.shared_bytes();
                subtask.keyed.push(KeyedStateHandle {
                    backend,
                    range,
                    schemas,
                    offsets,
                    state,
                    shared,
                });
            }
            Part::Channel(_, channel) => {
                self.snapshot.metrics.persisted_bytes += state.len();
                let offsets = offsets(channel.buffers.iter().map(|buffer| buffer.bytes().len()));
                let side = channel.side;
                subtask.channels.push(ChannelStateHandle { side, watermark: None, offsets, state });
            }
        }
    }
}

/// Whether an operator should rest until this is written.
fn is_starved(keyed: &mut KeyedSnapshot) -> bool {
    keyed.stream.segments().is_some_and(|segments| segments.is_starved())
}

/// Where each of several pieces begins.
fn offsets(lengths: impl Iterator<Item = usize>) -> Vec<u64> {
    let begin = |at: &mut u64, length: usize| {
        let begin = *at;
        *at += length as u64;
        Some(begin)
    };
    lengths.scan(0, begin).collect()
}

impl InHand {
    fn new(part: Part) -> Self {
        let (bytes, taken, made) = (Vec::new(), 0, false);
        let has_segments = matches!(part, Part::Keyed(..));
        Self { part, bytes, taken, made, has_segments, segment_bytes: 0 }
    }

    /// Writes segments; what there is to do if that is not all for this turn.
    fn write_segments(
        &mut self,
        destination: &mut Destination,
        driver: &mut Driver,
    ) -> Result<Option<Progress>, String> {
        let Part::Keyed(_, keyed) = &mut self.part else { return Ok(None) };
        let segments = keyed.stream.segments().filter(|_| self.has_segments);
        let Some(segments) = segments else { return Ok(None) };
        let (began, mut written) = (driver.now(), 0);
        let is_over = |driver: &Driver| driver.now().saturating_since(began) > SLICE;
        while written < SEGMENT_BYTES_PER_TURN && !(written > 0 && is_over(driver)) {
            if !destination.has_room() {
                let worked = written > 0;
                return Ok(Some(if worked { Progress::More } else { Progress::Waits }));
            }
            let Some(segment) = segments.next().map_err(|error| error.to_string())? else {
                self.has_segments = false;
                return Ok(None);
            };
            let placed = destination.append_segment(driver, segment)?;
            written += u64::from(placed.at.len);
            self.segment_bytes += u64::from(placed.at.len);
            segments.placed(placed);
        }
        Ok(Some(Progress::More))
    }

    /// Makes the next piece of the part's bytes.
    fn make_piece(&mut self) -> Result<(), String> {
        self.bytes.clear();
        self.taken = 0;
        match &mut self.part {
            Part::List(_, list) => {
                list.elements.iter().for_each(|element| self.bytes.extend_from_slice(element));
                self.made = true;
            }
            Part::Channel(_, channel) => {
                channel
                    .buffers
                    .iter()
                    .for_each(|buffer| self.bytes.extend_from_slice(buffer.bytes()));
                self.made = true;
            }
            Part::Keyed(_, keyed) => {
                while self.bytes.len() < PIECE_BYTES && !self.made {
                    let more = keyed.stream.next(&mut self.bytes);
                    self.made = !more.map_err(|error| error.to_string())?;
                }
            }
        }
        Ok(())
    }
}
