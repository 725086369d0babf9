use proptest::prelude::*;

use super::*;
use crate::time::{StreamStatus, Timestamp, Watermark};

fn watermark(millis: i64) -> Signal {
    Signal::Watermark(Watermark(Timestamp::from_millis(millis)))
}

fn leave(line: &mut Line<u32>) -> Vec<Leaving<u32>> {
    std::iter::from_fn(|| line.next()).collect()
}

#[test]
fn ordered_results_leave_as_the_records_came() {
    let mut line = Line::new(Order::Kept);
    let (a, b) = (line.enter(), line.enter());
    line.signal(watermark(5));
    let c = line.enter();
    line.done(c, 3);
    line.done(b, 2);
    assert_eq!(leave(&mut line), []);
    line.done(a, 1);
    let expected =
        [Leaving::Result(1), Leaving::Result(2), Leaving::Signal(watermark(5)), Leaving::Result(3)];
    assert_eq!(leave(&mut line), expected);
    assert!(line.is_empty());
}

#[test]
fn unordered_results_leave_as_they_are_done_but_not_past_a_watermark() {
    let mut line = Line::new(Order::Free);
    let (a, b) = (line.enter(), line.enter());
    line.signal(watermark(5));
    let c = line.enter();
    line.done(c, 3);
    line.done(b, 2);
    assert_eq!(leave(&mut line), [Leaving::Result(2)]);
    line.done(a, 1);
    let expected = [Leaving::Result(1), Leaving::Signal(watermark(5)), Leaving::Result(3)];
    assert_eq!(leave(&mut line), expected);
}

#[test]
fn signals_without_requests_between_them_take_no_room() {
    let mut line = Line::new(Order::Free);
    let a = line.enter();
    for millis in 0..1000 {
        line.signal(watermark(millis));
        line.signal(Signal::Status(StreamStatus::Idle));
        line.signal(Signal::Status(StreamStatus::Active));
    }
    line.done(a, 1);
    let expected = [
        Leaving::Result(1),
        Leaving::Signal(watermark(999)),
        Leaving::Signal(Signal::Status(StreamStatus::Active)),
    ];
    assert_eq!(leave(&mut line), expected);
    line.signal(watermark(2000));
    assert_eq!(leave(&mut line), [Leaving::Signal(watermark(2000))]);
}

proptest! {
    /// Whatever is done when: all results leave once, between the same two watermarks, and in order
    /// if that is kept.
    #[test]
    fn results_stay_between_their_watermarks(
        kept in any::<bool>(),
        steps in prop::collection::vec((0u8..3, any::<prop::sample::Index>()), 0..200),
    ) {
        let mut line = Line::new(if kept { Order::Kept } else { Order::Free });
        let (mut under_way, mut left) = (Vec::new(), Vec::new());
        // The time of the last watermark before each request.
        let (mut times, mut time) = (Vec::new(), 0);
        for (step, which) in steps {
            match step {
                0 => {
                    under_way.push((line.enter(), times.len() as u32));
                    times.push(time);
                }
                1 => {
                    time += 1;
                    line.signal(watermark(time));
                }
                _ if under_way.is_empty() => {}
                _ => {
                    let (segment, request) = under_way.swap_remove(which.index(under_way.len()));
                    line.done(segment, request);
                }
            }
            left.extend(leave(&mut line));
        }
        under_way.into_iter().for_each(|(segment, request)| line.done(segment, request));
        left.extend(leave(&mut line));
        prop_assert!(line.is_empty());
        let mut seen = 0;
        let mut results = Vec::new();
        for one in left {
            match one {
                Leaving::Signal(signal) => {
                    let Signal::Watermark(Watermark(at)) = signal else { unreachable!() };
                    seen = at.millis();
                }
                Leaving::Result(request) => {
                    prop_assert_eq!(times[request as usize], seen, "request {}", request);
                    results.push(request);
                }
            }
        }
        prop_assert!(!kept || results.is_sorted());
        results.sort_unstable();
        prop_assert_eq!(results, (0..times.len() as u32).collect::<Vec<_>>());
        prop_assert_eq!(seen, time);
    }
}
