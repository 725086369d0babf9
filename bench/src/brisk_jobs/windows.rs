//! `windows`: bids in windows of event time.

use super::check::CheckSum;
use super::{environment, measure};
use crate::BenchError;
use crate::input::generator::{Bids, WATERMARK_MS, share, window_check};
use crate::run::measurement::{Measurement, Outcome};
use brisk::Error;
use brisk::chain::{Aggregate, Source, SourceContext, SourceReader};
use brisk::prelude::*;
use brisk::task::Cx;
use brisk::task::flow::{Drive, Push};
use brisk::time::watermark::{WatermarkGenerator, WatermarkOutput};
use brisk::time::window::assigner::{SlidingEventTimeWindows, TumblingEventTimeWindows};
use brisk::time::{Timestamp, Watermark, WatermarkStrategy};
use rkyv::{Archive, Deserialize, Serialize};
use std::time::Duration;

/// The windows of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Panes {
    /// Of 10 s, one after the other.
    OneByOne,
    /// Of 10 s, 2 s apart, so that a bid is in five.
    Shared,
}

const SIZE: Duration = Duration::from_secs(10);
const SLIDE: Duration = Duration::from_secs(2);

/// Bids sent between two looks at whether the task should make room.
const INTERRUPT_CHECK: u64 = 64;

#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug)]
struct Bid {
    auction: u64,
    price: u64,
    time_ms: u64,
}

/// The source as the program describes it.
#[derive(Clone, Debug)]
struct AllBids {
    /// Of all subtasks together.
    total: u64,
}

/// The source of one subtask.
#[derive(Debug)]
struct BidReader {
    bids: Bids,
    left: u64,
}

impl Source for AllBids {
    type Out = Bid;
    type Reader = BidReader;
    type Split = ();

    fn open(
        &self,
        _restored: Option<Vec<()>>,
        context: &SourceContext,
        _cx: &mut Cx,
    ) -> Result<BidReader, Error> {
        let (subtask, parallelism) = (context.subtask.into(), context.parallelism.into());
        let left = share(self.total, subtask, parallelism);
        Ok(BidReader { bids: Bids::new(subtask, parallelism), left })
    }
}

impl SourceReader<Bid> for BidReader {
    type Split = ();

    fn snapshot(&mut self) -> Vec<()> {
        Vec::new()
    }

    fn drive<S: Push<Bid>>(&mut self, sink: &mut S, cx: &mut Cx) -> Drive {
        let mut budget = cx.quantum() as u64;
        while budget > 0 {
            let batch = budget.min(self.left).min(INTERRUPT_CHECK);
            if batch == 0 {
                return Drive::Ended;
            }
            let mut sent = 0;
            let mut interrupted = None;
            while sent < batch && interrupted.is_none() {
                let (auction, price, time_ms) = self.bids.next_bid();
                interrupted = sink.push(Bid { auction, price, time_ms }, cx).interrupts();
                sent += 1;
            }
            self.left -= sent;
            budget -= sent;
            cx.metrics.count_emitted(sent);
            if let Some(interrupted) = interrupted {
                return interrupted;
            }
            if cx.interrupted() {
                return Drive::More;
            }
        }
        Drive::More
    }
}

/// A watermark each [`WATERMARK_MS`] of event time, whatever the clock says: as often in every system.
#[derive(Clone, Debug)]
struct EachStep {
    next: Timestamp,
}

impl WatermarkGenerator<Bid> for EachStep {
    type State = Timestamp;

    #[inline(always)]
    fn on_event(&mut self, _bid: &Bid, time: Timestamp, output: &mut WatermarkOutput) {
        if time >= self.next {
            output.emit_watermark(Watermark(time.plus_millis(-1)));
            self.next = time.plus_millis(WATERMARK_MS as i64);
        }
    }

    fn on_periodic_emit(&mut self, _output: &mut WatermarkOutput) {}

    fn state(&self) -> Timestamp {
        self.next
    }

    fn restore(&mut self, states: Vec<Timestamp>) {
        self.next = states.into_iter().min().unwrap_or(Timestamp::MIN);
    }
}

/// What is kept of an auction in a window. Without padding and pointers, so that it lies in the slots
/// of tables and is changed there; a tuple has no layout that can be relied on, and would not.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug)]
struct Found {
    count: u64,
    max: u64,
}

/// Count and greatest price.
#[derive(Clone, Copy, Debug)]
struct CountAndMax;

impl Aggregate<Bid, u64> for CountAndMax {
    type Accumulator = Found;
    type Out = (u64, Found);

    #[inline(always)]
    fn first(&self, bid: Bid) -> Found {
        Found { count: 1, max: bid.price }
    }

    #[inline(always)]
    fn add(&self, found: &mut Found, bid: Bid) {
        found.count += 1;
        found.max = found.max.max(bid.price);
    }

    #[inline(always)]
    fn merge(&self, found: &mut Found, other: Found) {
        found.count += other.count;
        found.max = found.max.max(other.max);
    }

    #[inline(always)]
    fn result(&self, auction: u64, found: Found) -> (u64, Found) {
        (auction, found)
    }
}

/// `windows`: the check is of `TumblingSum` or `SlidingSum`.
pub fn windows(records: u64, panes: Panes) -> Result<Measurement, BenchError> {
    let environment = environment()?;
    let check = CheckSum::new();
    let strategy = WatermarkStrategy::for_generator(EachStep { next: Timestamp::MIN })
        .with_timestamp_assigner(|bid: &Bid, _| Timestamp::from_millis(bid.time_ms as i64));
    let windows = match panes {
        Panes::OneByOne => TumblingEventTimeWindows::of(SIZE),
        Panes::Shared => SlidingEventTimeWindows::of(SIZE, SLIDE),
    };
    environment
        .from_source(AllBids { total: records }, "bids")
        .assign_timestamps_and_watermarks(strategy)
        .key_by(viewed(|bid: &Bid| bid.auction, |bid| bid.auction.to_native()))
        .window(windows)
        .aggregate(CountAndMax)
        .sink_to(check.sink(|(auction, found): &(u64, Found)| Outcome {
            records: 0,
            check: window_check(*auction, found.count, found.max),
        }));
    measure(&environment, || Outcome { records, ..check.total() })
}
