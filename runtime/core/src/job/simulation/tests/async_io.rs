//! Asynchronous operators in jobs that fail.

use super::{interrupted::FailsSometimes, interrupted::checkpointed, *};
use crate::chain::{Answer, AsyncOptions};
use std::{
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context as PollContext, Poll},
};

/// Answers after it was polled some times.
struct Slowly(i64, u64);

impl Future for Slowly {
    type Output = Answer<i64>;

    fn poll(mut self: Pin<&mut Self>, context: &mut PollContext<'_>) -> Poll<Answer<i64>> {
        if self.1 == 0 {
            return Poll::Ready(Ok(vec![self.0]));
        }
        self.1 -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

fn slowly(number: &i64) -> Slowly {
    let polls = (*number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 59;
    Slowly(*number, polls)
}

#[test]
fn simulated_requests_under_way_are_asked_again_after_a_failure() {
    let mut expected = BTreeMap::new();
    (0..2000).for_each(|number| *expected.entry(number % 10).or_insert(0) += 1);
    let restored = AtomicU64::new(0);
    for_each_seed(|seed| {
        let (mut cluster, mut env) = checkpointed(seed);
        if cluster.world().below(2) == 0 {
            env.set("execution.checkpointing.unaligned.enabled", "true");
        }
        let fails = FailsSometimes::below(2000, &cluster);
        let ordered = cluster.world().below(2) == 0;
        let options = if ordered { AsyncOptions::ordered() } else { AsyncOptions::unordered() };
        let capacity = NonZeroU32::new(1 + cluster.world().below(50) as u32);
        let options = options.capacity(capacity.expect("one and more"));
        let counted = env
            .from_sequence(0..=1999)
            .rebalance()
            .process_async(slowly, options)
            .process(fails)
            .map(|number| (number % 10, 0))
            .key_by(|pair: &(i64, u64)| pair.0)
            .count()
            .collect();
        let handle = env.submit_to(&mut cluster, "asks").expect("it starts");
        while !handle.is_over() {
            assert!(cluster.step(), "deadlocked");
        }
        restored.fetch_add(handle.checkpoint_statistics().counts.restored, Ordering::Relaxed);
        cluster.finish(handle).expect("it was restarted");
        let mut last = BTreeMap::new();
        for (key, count) in counted.take() {
            let known = last.entry(key).or_insert(0);
            *known = count.max(*known);
        }
        assert_eq!(last, expected);
    });
    assert!(restored.into_inner() > 0, "some went on from a checkpoint");
}
