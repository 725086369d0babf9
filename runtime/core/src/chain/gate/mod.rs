//! Reading records from an input gate: the head of a chain behind an exchange.
#![expect(unsafe_code, reason = "records are viewed where their producer wrote them")]

use brisk_memory::Buffer;
use brisk_network::{
    ChannelIndex, InputGate, Item, Polled,
    frame::{self, BUFFER_HEADER, FRAME_HEADER, FrameClass, FrameKind},
};
use std::{cell::RefCell, collections::HashMap, fmt, marker::PhantomData, rc::Rc};

mod recovered;

use super::{Chain, Template, hints::prefetch};
use crate::{
    Record,
    error::Error,
    record::{AlignedBytes, Archived, decode, view},
    state::HashRange,
    task::flow::{Drive, Flow, Push, Signal},
    task::inputs::{Current, Input, InputState, Pieces},
    task::{BuildContext, CheckpointEnd, Cx},
    time::{Timestamp, WatermarkValve},
};

/// The template of a stream that comes through an exchange.
pub struct Exchanged<T>(PhantomData<fn() -> T>);

impl<T> Exchanged<T> {
    /// There is nothing to describe: the job graph knows the exchange.
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> Default for Exchanged<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for Exchanged<T> {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Exchanged<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exchanged")
    }
}

impl<T: Record> Template for Exchanged<T> {
    type Out = T;
    type Running = Gate<T>;

    fn build(&self, _cx: &mut BuildContext) -> Result<Gate<T>, Error> {
        unreachable!("whatever follows an exchange is the head of its task and builds the gate")
    }
}

/// What reads records of type `T` in their archived form.
pub trait ReadRecords<T: Record> {
    /// How many records ahead of the current one [`ReadRecords::look_ahead`] is
    /// told of; zero for not at all.
    const LOOK_AHEAD: usize = 0;

    /// The key's hash of a record that comes soon.
    #[inline(always)]
    fn look_ahead(&mut self, _key_hash: u32) {}

    /// Whether [`ReadRecords::buffer`] is of use.
    const LOOKS_AT_BUFFERS: bool = false;

    /// A buffer has come: these records lie whole in it, each with the hash of its key.
    fn buffer<'r>(&mut self, _records: &mut dyn Iterator<Item = (u32, &'r Archived<T>)>)
    where
        Archived<T>: 'r,
    {
    }

    /// Takes one record.
    fn record(&mut self, key_hash: u32, record: &Archived<T>, cx: &mut Cx) -> Flow;

    /// Whether a record would be welcome now.
    fn ready(&mut self, cx: &mut Cx) -> Flow;
}

/// Reads the records of one input gate.
pub struct Gate<T> {
    /// Which input of the task it is.
    number: usize,
    gate: Rc<RefCell<InputGate>>,
    state: Rc<RefCell<InputState>>,
    record: PhantomData<fn() -> T>,
}

impl<T: Record> Gate<T> {
    /// A reader of input `number` of its task.
    pub(crate) fn new(number: usize, input: &Input) -> Self {
        let (gate, state) = (Rc::clone(&input.gate), Rc::clone(&input.state));
        Self { number, gate, state, record: PhantomData }
    }

    /// Reads until the reader pauses, input is short, or the quantum is used up.
    pub fn read<R: ReadRecords<T>>(&mut self, reader: &mut R, cx: &mut Cx) -> Drive {
        if let Some(interrupted) = reader.ready(cx).interrupts() {
            return interrupted;
        }
        let shared = Rc::clone(&self.state);
        let mut state = shared.borrow_mut();
        if state.restored {
            state.restored = false;
            cx.announce(Signal::Watermark(state.valve.watermark()));
            return Drive::More;
        }
        let mut left = cx.quantum();
        if !state.recovered.is_empty()
            && let Some(interrupted) = recovered::read::<T, R>(&mut state, reader, &mut left, cx)
        {
            return interrupted;
        }
        loop {
            if state.current.is_none() {
                let polled = self.gate.borrow_mut().poll();
                match polled {
                    Polled::Empty => return Drive::Starved,
                    Polled::Ended => return Drive::Ended,
                    Polled::Item(channel, Item::Buffer(buffer)) => {
                        begin::<T, R>(&mut state, (channel, buffer), reader, cx);
                    }
                    Polled::Announced(..)
                    | Polled::Closed(..)
                    | Polled::Item(_, Item::Event(_)) => {
                        // A checkpoint may want to have what was begun.
                        drop(state);
                        cx.polled(self.number, polled);
                        if cx.has_news() {
                            return Drive::More;
                        }
                        state = shared.borrow_mut();
                        continue;
                    }
                }
            }
            match read_buffer::<T, R>(&mut state, reader, &mut left, cx) {
                Flow::Continue if left == 0 => return Drive::More,
                Flow::Continue => {}
                other => return other.interrupts().expect("anything but Continue interrupts"),
            }
        }
    }
}

fn begin<T: Record, R: ReadRecords<T>>(
    state: &mut InputState,
    (channel, buffer): (ChannelIndex, Buffer),
    reader: &mut R,
    cx: &mut Cx,
) {
    cx.metrics.count_buffer_in(buffer.len(), frame::record_count(&buffer));
    buffer.iter().take(PREFETCH_BYTES).step_by(LINE).for_each(prefetch);
    if R::LOOKS_AT_BUFFERS {
        show::<T, R>(&buffer, reader);
    }
    let mut ahead = BUFFER_HEADER;
    for _ in 0..R::LOOK_AHEAD {
        let Some(header) = frame::header_at(&buffer, ahead) else { break };
        reader.look_ahead(header.key_hash);
        ahead = frame::next_frame(ahead + FRAME_HEADER + header.length());
    }
    state.current = Some(Current { channel, buffer, position: BUFFER_HEADER, ahead });
}

/// Shows the records that lie whole in a buffer before the first is read.
fn show<T: Record, R: ReadRecords<T>>(bytes: &[u8], reader: &mut R) {
    let mut position = BUFFER_HEADER;
    let frames = std::iter::from_fn(|| {
        let frame = frame::frame_at(bytes, position)?;
        position = frame.next;
        Some(frame)
    });
    let mut records = frames.filter(|frame| frame.header.is_plain_whole()).map(|frame| {
        // SAFETY: gates of this type get buffers of writers of this type only (the builder of the
        // task checks it), and payloads are 16-aligned.
        (frame.header.key_hash, unsafe { view::<T>(frame.payload) })
    });
    reader.buffer(&mut records);
}

/// Reads the current buffer to its end, or until interrupted or `left` is 0.
fn read_buffer<T: Record, R: ReadRecords<T>>(
    state: &mut InputState,
    reader: &mut R,
    left: &mut usize,
    cx: &mut Cx,
) -> Flow {
    let current = state.current.as_mut().expect("a buffer was begun");
    let bytes: &[u8] = &current.buffer;
    let (mut position, mut ahead) = (current.position, current.ahead);
    while let Some(frame) = frame::frame_at(bytes, position) {
        if R::LOOK_AHEAD > 0
            && let Some(header) = frame::header_at(bytes, ahead)
        {
            reader.look_ahead(header.key_hash);
            ahead = frame::next_frame(ahead + FRAME_HEADER + header.length());
        }
        // Another core wrote these lines: asking for them early hides the way they have.
        let stride = frame.next - position;
        if let Some(ahead) = bytes.get(position + (R::LOOK_AHEAD + PREFETCH_RECORDS) * stride) {
            prefetch(ahead);
        }
        position = frame.next;
        let flow = if let Some((bytes, timestamp)) = whole_record(&frame) {
            cx.set_timestamp(timestamp);
            // SAFETY: gates of this type get buffers of writers of this type only
            // (the builder of the task checks it), and payloads are 16-aligned.
            let record = unsafe { view::<T>(bytes) };
            reader.record(frame.header.key_hash, record, cx)
        } else {
            let (pieces, valve) = (&mut state.pieces, &mut state.valve);
            let rest = Rest { pieces, valve, owned: None };
            let flow = rest.read(current.channel, frame, reader, cx);
            if cx.has_news() {
                *left = 1;
            }
            flow
        };
        *left -= 1;
        if flow != Flow::Continue || *left == 0 {
            (current.position, current.ahead) = (position, ahead);
            return flow;
        }
        if left.is_multiple_of(INTERRUPT_CHECK) && cx.interrupted() {
            *left = 0;
            (current.position, current.ahead) = (position, ahead);
            return Flow::Continue;
        }
    }
    state.current = None;
    Flow::Continue
}

/// The bytes of a record that is all in this frame, and its event time.
#[inline(always)]
fn whole_record<'a>(frame: &frame::Frame<'a>) -> Option<(&'a [u8], Option<Timestamp>)> {
    if frame.header.is_plain_whole() {
        return Some((frame.payload, None));
    }
    if frame.header.kind() != FrameKind::Whole || frame.header.class() != FrameClass::Timed {
        return None;
    }
    let (bytes, time) = split_time(frame.payload);
    Some((bytes, Some(time)))
}

/// A timed record's bytes and its event time.
#[inline(always)]
fn split_time(payload: &[u8]) -> (&[u8], Timestamp) {
    let (bytes, time) = payload.split_last_chunk().expect("a timed record has a time");
    (bytes, Timestamp::from_millis(i64::from_le_bytes(*time)))
}

/// How many records before it is looked at, if all are as long as this one, a record is
/// brought into the cache: at a few nanoseconds a record, the time that a line takes from
/// another core.
const PREFETCH_RECORDS: usize = 10;
/// Bytes at the start of a buffer that are brought into the cache all at once, since
/// looking ahead into it begins there, one header after the other.
const PREFETCH_BYTES: usize = 2048;
const LINE: usize = 64;

/// Records between two looks at the cancel flag: a chain of 1 ms per record still
/// answers a cancellation within 32 ms.
pub(crate) const INTERRUPT_CHECK: usize = 32;

/// What frames other than whole plain records need.
struct Rest<'a> {
    pieces: &'a mut HashMap<ChannelIndex, Pieces>,
    valve: &'a mut WatermarkValve,
    /// Whose records are read, if not all.
    owned: Option<HashRange>,
}

impl Rest<'_> {
    #[inline]
    fn read<T: Record, R: ReadRecords<T>>(
        self,
        channel: ChannelIndex,
        frame: frame::Frame<'_>,
        reader: &mut R,
        cx: &mut Cx,
    ) -> Flow {
        if frame.header.kind() == FrameKind::Whole {
            let (class, hash) = (frame.header.class(), frame.header.key_hash);
            return self.read_whole(
                channel,
                Payload { class, hash, bytes: frame.payload },
                reader,
                cx,
            );
        }
        self.join(channel, frame, reader, cx)
    }

    #[inline]
    fn read_whole<T: Record, R: ReadRecords<T>>(
        self,
        channel: ChannelIndex,
        payload: Payload<'_>,
        reader: &mut R,
        cx: &mut Cx,
    ) -> Flow {
        let Payload { class, hash, bytes } = payload;
        let bytes = match class {
            FrameClass::Plain => {
                cx.set_timestamp(None);
                bytes
            }
            FrameClass::Timed => {
                let (bytes, time) = split_time(bytes);
                cx.set_timestamp(Some(time));
                bytes
            }
            FrameClass::Control => {
                let signal = Signal::from_bytes(bytes).expect("a control frame holds a signal");
                let passed = self.valve.input(channel.position(), signal);
                passed.for_each(|signal| cx.announce(signal));
                return Flow::Continue;
            }
        };
        if self.owned.is_some_and(|owned| !owned.contains(hash)) {
            return Flow::Continue;
        }
        // SAFETY: gates of this type get buffers of writers of this type only (the builder
        // of the task checks it), at an address that is aligned for every archive.
        let record = unsafe { view::<T>(bytes) };
        reader.record(hash, record, cx)
    }

    /// Adds a piece of a long record to what its channel brought before; reads the
    /// record when it is complete.
    #[cold]
    fn join<T: Record, R: ReadRecords<T>>(
        self,
        channel: ChannelIndex,
        frame: frame::Frame<'_>,
        reader: &mut R,
        cx: &mut Cx,
    ) -> Flow {
        let class = frame.header.class();
        let fresh = || Pieces { class, bytes: AlignedBytes::new(), recovered: false };
        let joined = self.pieces.entry(channel).or_insert_with(fresh);
        let begins = frame.header.kind() == FrameKind::First;
        assert_eq!(begins, joined.bytes.is_empty(), "pieces of a record come in order");
        joined.bytes.extend_from_slice(frame.payload);
        if frame.header.kind() != FrameKind::Last {
            return Flow::Continue;
        }
        let Pieces { bytes, recovered, .. } =
            self.pieces.remove(&channel).expect("it was just extended");
        let payload = Payload { class, hash: frame.header.key_hash, bytes: &bytes };
        if recovered && let Err(cause) = payload.check::<T>() {
            return recovered::damaged(cause, cx);
        }
        self.read_whole(channel, payload, reader, cx)
    }
}

/// The bytes of a frame, or of several that were joined.
#[derive(Clone, Copy)]
struct Payload<'a> {
    class: FrameClass,
    hash: u32,
    bytes: &'a [u8],
}

struct OwnedInto<'a, S>(&'a mut S);

impl<T: Record, S: Push<T>> ReadRecords<T> for OwnedInto<'_, S> {
    #[inline(always)]
    fn record(&mut self, _key_hash: u32, record: &Archived<T>, cx: &mut Cx) -> Flow {
        self.0.push(decode::<T>(record), cx)
    }

    #[inline]
    fn ready(&mut self, cx: &mut Cx) -> Flow {
        self.0.ready(cx)
    }
}

impl<T: Record> Chain for Gate<T> {
    type Out = T;

    fn drive<S: Push<T>>(&mut self, sink: &mut S, cx: &mut Cx) -> Drive {
        self.read(&mut OwnedInto(sink), cx)
    }

    fn inject<S: Push<T>>(&mut self, signal: Signal, sink: &mut S, cx: &mut Cx) -> Flow {
        sink.signal(signal, cx)
    }

    fn checkpoint_ended(&mut self, _end: CheckpointEnd, _cx: &mut Cx) -> Result<(), Error> {
        Ok(())
    }
}

impl<T> fmt::Debug for Gate<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("number", &self.number).finish_non_exhaustive()
    }
}
