//! Every interleaving of owners that take, threads that return, and a region that shares out anew.
//!
//! A lost wake-up shows as a deadlock, a missing order as a race on a watched cell, a lost segment
//! in the conservation check that ends each model.

use std::sync::Arc;
use std::task::{Wake, Waker};

use loom::cell::UnsafeCell;
use loom::sync::Notify;
use loom::thread;

use super::*;
use crate::arena::{Arena, ArenaOptions, Local};
use crate::quantity::SegmentSize;

/// Wakes the one thread that waits for it.
struct Bell(Notify);

impl Wake for Bell {
    fn wake(self: Arc<Bell>) {
        self.0.notify();
    }
}

struct Owner {
    pool: Pool,
    bell: Arc<Bell>,
}

impl Owner {
    fn open(region: &Region, required: u32, max: u32) -> Owner {
        let bell = Arc::new(Bell(Notify::new()));
        let pool = region.create_pool(PoolOptions {
            owner: "loom".to_owned(),
            required: SegmentCount(required),
            max: SegmentCount(max),
            overdraft: SegmentCount::ZERO,
            waker: Waker::from(bell.clone()),
        });
        Owner { pool: pool.unwrap(), bell }
    }

    /// Waits until there is a segment.
    fn take(&mut self) -> Segment {
        loop {
            match self.pool.take() {
                Taken::Segment(segment) | Taken::Overdraft(segment) => return segment,
                Taken::Exhausted => self.bell.0.wait(),
            }
        }
    }
}

/// What stands in for a segment's bytes, so that loom sees who uses them.
struct Bytes(Vec<UnsafeCell<u32>>);

#[expect(unsafe_code, reason = "loom's cell is checked by loom")]
// SAFETY: it is loom that checks the accesses.
unsafe impl Sync for Bytes {}
#[expect(unsafe_code, reason = "loom's cell is checked by loom")]
// SAFETY: as above.
unsafe impl Send for Bytes {}

impl Bytes {
    fn new(segments: u32) -> Arc<Bytes> {
        Arc::new(Bytes((0..segments).map(|_| UnsafeCell::new(0)).collect()))
    }

    fn write(&self, segment: &Segment) {
        self.0[segment.index().get() as usize].with_mut(|_| ());
    }
}

fn model(segments: u32, preemptions: usize, check: impl Fn(&Region) + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(move || {
        let arena = Arena::map(ArenaOptions {
            segment_size: SegmentSize::MIN,
            network: SegmentCount(segments),
            ..ArenaOptions::default()
        });
        let arena = arena.unwrap();
        check(arena.network());
        arena.verify_conservation().unwrap();
        assert_eq!(arena.network().available(), SegmentCount(segments), "all came home");
    });
}

#[test]
fn loom_a_top_seen_before_a_removal_is_not_taken_for_current() {
    loom::model(|| {
        let bytes = Box::leak(Box::new(0_u8));
        let slots: &'static Slots = Box::leak(Box::new(Slots::new(bytes, SegmentSize::MIN, 0, 2)));
        let stack = Arc::new(ReturnStack::new());
        let push = |local| assert!(stack.try_push(stack.look(), slots.get(local)));
        [Local(0), Local(1)].into_iter().for_each(push);
        let shared = stack.clone();
        let pop = |stack: &ReturnStack| stack.pop(SlotsRef::new(slots), 1).ok().map(|c| c.top.0);
        let other = thread::spawn(move || pop(&shared));
        let mut found = vec![pop(&stack), pop(&stack)];
        if let Some(local) = found[0].filter(|_| found[1].is_some()) {
            push(Local(local));
            found[0] = pop(&stack);
        }
        found.push(other.join().unwrap());
        found.push(pop(&stack));
        let mut found: Vec<_> = found.into_iter().flatten().collect();
        found.sort_unstable();
        assert_eq!(found, [0, 1], "each segment was removed once");
    });
}

#[test]
fn loom_who_waits_is_woken() {
    model(1, 5, |region| {
        let mut owner = Owner::open(region, 1, 1);
        let bytes = Bytes::new(1);
        let segment = owner.take();
        let written = bytes.clone();
        let other = thread::spawn(move || {
            written.write(&segment);
            drop(segment);
        });
        bytes.write(&owner.take());
        other.join().unwrap();
    });
}

#[test]
fn loom_many_return_while_the_owner_takes() {
    model(3, 3, |region| {
        let mut owner = Owner::open(region, 3, 3);
        let bytes = Bytes::new(3);
        let others = [owner.take(), owner.take()].map(|segment| {
            let bytes = bytes.clone();
            thread::spawn(move || {
                bytes.write(&segment);
                drop(segment);
            })
        });
        let kept = [owner.take(), owner.take()];
        kept.iter().for_each(|segment| bytes.write(segment));
        others.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(owner.pool.outstanding(), SegmentCount(2));
    });
}

#[test]
fn loom_a_new_pool_gets_what_another_has_too_much() {
    model(2, 3, |region| {
        let mut first = Owner::open(region, 0, 2);
        let bytes = Bytes::new(2);
        let out = [first.take(), first.take()];
        let written = bytes.clone();
        let other = thread::spawn(move || {
            for segment in out {
                written.write(&segment);
                drop(segment);
            }
        });
        let mut second = Owner::open(region, 1, 1);
        bytes.write(&second.take());
        other.join().unwrap();
        assert_eq!(first.pool.size(), SegmentCount(1));
    });
}

#[test]
fn loom_the_region_reclaims_while_the_owner_takes() {
    model(3, 3, |region| {
        let mut first = Owner::open(region, 0, 3);
        let bytes = Bytes::new(3);
        drop([first.take(), first.take(), first.take()]);
        let (region, written) = (region.clone(), bytes.clone());
        let other = thread::spawn(move || {
            let mut second = Owner::open(&region, 2, 2);
            // The first owner may have one: it is not waited for here.
            if let Taken::Segment(segment) = second.pool.take() {
                written.write(&segment);
            }
        });
        let segment = first.take();
        bytes.write(&segment);
        drop(segment);
        other.join().unwrap();
    });
}

#[test]
fn loom_a_pool_closes_while_its_segments_return() {
    model(2, 3, |region| {
        let mut owner = Owner::open(region, 1, 2);
        let others = [owner.take(), owner.take()].map(|out| thread::spawn(move || drop(out)));
        drop(owner);
        others.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn loom_two_pools_wait_for_one_another() {
    model(2, 2, |region| {
        let (mut first, mut second) = (Owner::open(region, 1, 2), Owner::open(region, 0, 2));
        let (one, two) = (first.take(), second.take());
        let other = thread::spawn(move || {
            drop(one);
            drop(second.take());
        });
        drop(two);
        drop(first.take());
        other.join().unwrap();
    });
}

#[test]
fn loom_who_waits_for_a_lane_is_woken() {
    model(3, 3, |region| {
        let bell = Arc::new(Bell(Notify::new()));
        let options = PoolOptions {
            owner: "loom".to_owned(),
            required: SegmentCount(3),
            max: SegmentCount(3),
            overdraft: SegmentCount::ZERO,
            waker: Waker::from(bell.clone()),
        };
        let lanes = LaneOptions { count: 1, segments_max: SegmentCount(2) };
        let mut pool = region.create_pool_with_lanes(options, lanes).unwrap();
        let mut take = || match pool.take_for(Lane(0)) {
            Taken::Segment(segment) => segment,
            other => panic!("{other:?}"),
        };
        let others = [take(), take()].map(|segment| thread::spawn(move || drop(segment)));
        while pool.poll_lane_full(Lane(0)) {
            bell.0.wait();
        }
        assert!(pool.lane_outstanding(Lane(0)).0 < 2);
        others.into_iter().for_each(|thread| thread.join().unwrap());
    });
}
