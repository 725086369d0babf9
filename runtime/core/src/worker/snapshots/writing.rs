//! One task's part of a checkpoint on its way to where it is kept.

use brisk_memory::driver::{Driver, Instant64};
use std::{collections::VecDeque, sync::Arc};

use super::{
    PIECE_BYTES,
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
    written: u64,
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
        Self { plan, cut, began, parts: None, hand: None, snapshot }
    }

    pub(super) fn task(&self) -> TaskKey {
        self.plan.key
    }

    pub(super) fn is_ready(&self) -> bool {
        self.cut.is_ready()
    }

    /// Whether one of its states is open at the destination.
    pub(super) fn has_begun(&self) -> bool {
        self.hand.is_some()
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
                InHand { part, bytes: Vec::new(), taken: 0, made: false, written: 0 }
            }
        };
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
                self.snapshot.metrics.checkpointed_bytes += state.len();
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
                let shared = Vec::new();
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
        self.written += self.bytes.len() as u64;
        Ok(())
    }
}
