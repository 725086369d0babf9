//! One input of a task, and how far it was read.

use brisk_memory::Buffer;
use brisk_network::{ChannelIndex, InputGate, frame::FrameClass};
use std::{
    cell::RefCell,
    collections::{HashMap, VecDeque},
    rc::Rc,
};

use crate::{
    checkpoint::handle::INPUT_TIME,
    graph::SubtaskIndex,
    record::AlignedBytes,
    state::HashRange,
    time::{StreamStatus, Timestamp, Watermark, WatermarkValve},
};

/// A buffer that is being read.
#[derive(Debug)]
pub(crate) struct Current {
    pub(crate) channel: ChannelIndex,
    pub(crate) buffer: Buffer,
    /// Where the next frame begins.
    pub(crate) position: usize,
    /// The frame that is looked ahead at.
    pub(crate) ahead: usize,
}

impl Current {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer
    }
}

/// What has come of a record that is longer than a segment.
#[derive(Debug)]
pub(crate) struct Pieces {
    pub(crate) class: FrameClass,
    pub(crate) bytes: AlignedBytes,
    /// Some of it was in flight in an earlier run and came from a disk.
    pub(crate) recovered: bool,
}

/// A buffer that was in flight in an earlier run.
#[derive(Debug)]
pub(crate) struct Recovered {
    /// Its channel; one that the gate does not have when it had other channels then.
    pub(crate) channel: ChannelIndex,
    /// When others got it, too: the hashes of the keys whose records are to be read here.
    pub(crate) owned: Option<HashRange>,
    pub(crate) bytes: AlignedBytes,
    /// Where the next frame begins.
    pub(crate) position: usize,
}

/// What the reader of a gate keeps between two drives. Others look at it between drives only.
#[derive(Debug)]
pub(crate) struct InputState {
    pub(crate) current: Option<Current>,
    /// Pieces of records that are longer than a segment, by channel.
    pub(crate) pieces: HashMap<ChannelIndex, Pieces>,
    /// Read before all else.
    pub(crate) recovered: VecDeque<Recovered>,
    /// How far the channels have come in event time.
    pub(crate) valve: WatermarkValve,
    /// The watermark of a checkpoint is still to be passed on.
    pub(crate) restored: bool,
}

/// One input.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) gate: Rc<RefCell<InputGate>>,
    /// The number of its first channel among all channels of the task.
    pub(crate) first: u32,
    pub(crate) channels: u32,
    pub(crate) state: Rc<RefCell<InputState>>,
}

/// How far an input of one subtask had come in event time: what a checkpoint keeps of it.
#[derive(Clone, Debug, PartialEq, Eq, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
pub(crate) struct TimeOfInput {
    /// The subtask.
    pub(crate) subtask: u32,
    /// Watermark in milliseconds and idleness, by channel.
    pub(crate) channels: Vec<(i64, bool)>,
}

/// Under which name a checkpoint has it, in the head of the chain.
pub(crate) fn name_of_input_time(input: u32) -> String {
    format!("{INPUT_TIME}{input}")
}

impl Input {
    pub(crate) fn new(gate: Rc<RefCell<InputGate>>, first: u32) -> Self {
        let channels = gate.borrow().channel_count();
        let state = InputState {
            current: None,
            pieces: HashMap::new(),
            recovered: VecDeque::new(),
            valve: WatermarkValve::new(channels),
            restored: false,
        };
        Self { gate, first, channels: channels as u32, state: Rc::new(RefCell::new(state)) }
    }

    /// How far it has come in event time.
    pub(crate) fn time(&self, subtask: u32) -> TimeOfInput {
        let state = self.state.borrow();
        let channel = |(time, status): (Watermark, StreamStatus)| {
            (time.0.millis(), status == StreamStatus::Idle)
        };
        TimeOfInput { subtask, channels: state.valve.channels().map(channel).collect() }
    }

    /// Goes on from where the subtasks of an earlier run were: so many, of which these had not
    /// finished. With as many subtasks and channels each takes up its own; else nobody knows which
    /// channel is which, so all begin with the least. A subtask to which no time had come has nothing
    /// among `all`, and is at the beginning of time: records that wait for it are not late.
    pub(crate) fn restore_time(
        &self,
        all: &[TimeOfInput],
        (subtasks_then, running_then): (u32, &[SubtaskIndex]),
        (subtask, parallelism): (u32, u32),
    ) {
        let channels = self.channels as usize;
        let time_of = |subtask: u32| all.iter().find(|time| time.subtask == subtask);
        let own = time_of(subtask).filter(|own| own.channels.len() == channels);
        let times: Vec<(i64, bool)> = match own {
            Some(own) if subtasks_then == parallelism => own.channels.clone(),
            _ => {
                let had_none = |subtask: &SubtaskIndex| time_of(subtask.0).is_none();
                if running_then.iter().any(had_none) {
                    return;
                }
                let active = all.iter().flat_map(|time| &time.channels).filter(|(_, idle)| !idle);
                let Some(least) = active.map(|(time, _)| *time).min() else { return };
                vec![(least, false); channels]
            }
        };
        let mut state = self.state.borrow_mut();
        let channel = |(time, idle)| {
            let status = if idle { StreamStatus::Idle } else { StreamStatus::Active };
            (Watermark(Timestamp::from_millis(time)), status)
        };
        state.valve = WatermarkValve::of_channels(times.into_iter().map(channel));
        state.restored = true;
    }
}

#[cfg(test)]
mod tests;
