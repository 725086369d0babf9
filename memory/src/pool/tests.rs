use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use super::*;
use crate::arena::{Arena, ArenaOptions};
use crate::error::MemoryError;
use crate::quantity::SegmentSize;

/// Counts how often it was rung.
#[derive(Debug, Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Bell>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

struct Fixture {
    arena: Arena,
}

impl Fixture {
    fn new(segments: u32) -> Fixture {
        let arena = Arena::map(ArenaOptions {
            segment_size: SegmentSize::MIN,
            network: SegmentCount(segments),
            ..ArenaOptions::default()
        });
        Fixture { arena: arena.unwrap() }
    }

    fn region(&self) -> &Region {
        self.arena.network()
    }

    fn try_pool(&self, owner: &str, sizes: [u32; 3]) -> Result<(Pool, Arc<Bell>), MemoryError> {
        let bell = Arc::new(Bell::default());
        let pool = self.region().create_pool(PoolOptions {
            owner: owner.to_owned(),
            required: SegmentCount(sizes[0]),
            max: SegmentCount(sizes[1]),
            overdraft: SegmentCount(sizes[2]),
            waker: Waker::from(bell.clone()),
        })?;
        Ok((pool, bell))
    }

    fn pool(&self, required: u32, max: u32, overdraft: u32) -> (Pool, Arc<Bell>) {
        self.try_pool("test", [required, max, overdraft]).unwrap()
    }

    fn check(&self, available: u32) {
        self.arena.verify_conservation().unwrap();
        assert_eq!(self.region().available(), SegmentCount(available));
    }
}

fn rung(bell: &Bell) -> usize {
    bell.0.swap(0, Ordering::SeqCst)
}

#[track_caller]
fn segment(pool: &mut Pool) -> Segment {
    assert!(pool.has_room());
    match pool.take() {
        Taken::Segment(segment) => segment,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn segments(pool: &mut Pool, count: usize) -> Vec<Segment> {
    (0..count).map(|_| segment(pool)).collect()
}

#[track_caller]
fn overdraft(pool: &mut Pool) -> Segment {
    assert!(!pool.has_room());
    match pool.take() {
        Taken::Overdraft(segment) => segment,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn exhausted(pool: &mut Pool) {
    assert!(!pool.has_room());
    assert!(matches!(pool.take(), Taken::Exhausted));
}

#[test]
fn what_came_back_last_is_taken_first() {
    let fixture = Fixture::new(4);
    let (mut pool, _) = fixture.pool(4, 4, 0);
    let mut all = segments(&mut pool, 4);
    assert_eq!(pool.outstanding(), SegmentCount(4));
    let last = all.swap_remove(2).index();
    fixture.check(0);
    assert_eq!(segment(&mut pool).index(), last);
    drop(all);
    assert_eq!(pool.outstanding(), SegmentCount(0));
    fixture.check(0);
    drop(pool);
    fixture.check(4);
}

#[test]
fn an_exhausted_pool_is_woken_once_by_what_comes_back() {
    let fixture = Fixture::new(10);
    let (mut pool, bell) = fixture.pool(2, 2, 0);
    let mut out = segments(&mut pool, 2);
    drop(out.pop());
    assert_eq!(rung(&bell), 0);
    out.push(segment(&mut pool));
    exhausted(&mut pool);
    exhausted(&mut pool);
    drop(out);
    assert_eq!(rung(&bell), 1);
    assert_eq!(segments(&mut pool, 2).len(), 2);
    fixture.check(8);
}

#[test]
fn a_pool_that_only_polls_is_woken_too() {
    let fixture = Fixture::new(4);
    let (mut pool, bell) = fixture.pool(1, 1, 1);
    assert!(pool.poll_room());
    let first = segment(&mut pool);
    assert!(!pool.poll_room());
    // Waiting for room does not bar the way to overdraft.
    let second = overdraft(&mut pool);
    assert!(!pool.poll_room());
    drop(first);
    assert_eq!(rung(&bell), 0);
    drop(second);
    assert_eq!(rung(&bell), 1);
    assert!(pool.poll_room());
    fixture.check(3);
}

#[test]
fn more_than_can_be_promised_is_refused_with_the_arithmetic() {
    let fixture = Fixture::new(10);
    let _first = fixture.pool(4, 10, 0);
    let _second = fixture.pool(3, 3, 0);
    let error = fixture.try_pool("job/task 3: output of map", [5, 8, 0]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "job/task 3: output of map requires 5 segments of 4 KiB, but of the 10 of the network \
         region 7 are promised to 2 other pools: 3 are left, 2 are missing; \
         raise taskmanager.memory.network.fraction or taskmanager.memory.network.max, \
         or lower the parallelism"
    );
    let error = fixture.try_pool("x", [2, 1, 0]).unwrap_err();
    assert_eq!(error.to_string(), "x requires 2 segments but allows at most 1");
    fixture.pool(3, 8, 0);
}

#[test]
fn quotas_follow_the_pools_that_are_there() {
    let fixture = Fixture::new(10);
    let (first, _) = fixture.pool(2, 20, 0);
    assert_eq!(first.size(), SegmentCount(10));
    let (second, _) = fixture.pool(2, 20, 0);
    assert_eq!((first.size(), second.size()), (SegmentCount(5), SegmentCount(5)));
    let (third, _) = fixture.pool(2, 2, 0);
    assert_eq!(third.size(), SegmentCount(2));
    assert_eq!((first.size(), second.size()), (SegmentCount(4), SegmentCount(4)));
    drop(second);
    assert_eq!(first.size(), SegmentCount(8));
}

#[test]
fn a_surplus_flows_back_and_is_given_to_who_waits() {
    let fixture = Fixture::new(6);
    let (mut first, _) = fixture.pool(1, 6, 0);
    let mut out = segments(&mut first, 6);
    let (mut second, bell) = fixture.pool(3, 3, 0);
    assert_eq!(first.size(), SegmentCount(3));
    assert!(first.in_overdraft());
    exhausted(&mut second);
    drop(out.pop());
    assert_eq!(rung(&bell), 1);
    let _taken = segment(&mut second);
    exhausted(&mut second);
    drop(out.split_off(3));
    assert_eq!(rung(&bell), 1);
    assert!(!first.in_overdraft());
    segments(&mut second, 2);
    // From now on what the first pool returns stays with it.
    drop(out);
    fixture.check(0);
    assert_eq!(segments(&mut first, 3).len(), 3);
}

#[test]
fn a_surplus_at_home_is_reclaimed_at_once() {
    let fixture = Fixture::new(6);
    let (mut first, _) = fixture.pool(1, 6, 0);
    drop(segments(&mut first, 6));
    // One taken from home puts another into the private hand.
    let one = segment(&mut first);
    let (mut second, _) = fixture.pool(3, 3, 0);
    assert_eq!(segments(&mut second, 3).len(), 3);
    drop(one);
    assert_eq!(segments(&mut first, 3).len(), 3);
    fixture.check(0);
}

#[test]
fn overdraft_spares_what_others_require() {
    let fixture = Fixture::new(6);
    let (mut first, bell) = fixture.pool(2, 2, 5);
    let (mut second, _) = fixture.pool(2, 2, 0);
    let within = segments(&mut first, 2);
    let beyond = [overdraft(&mut first), overdraft(&mut first)];
    assert!(first.in_overdraft());
    exhausted(&mut first);
    assert_eq!(segments(&mut second, 2).len(), 2);
    drop(within);
    // Overdraft is repaid first, so there is no room yet.
    assert!(!first.in_overdraft());
    assert_eq!(rung(&bell), 0);
    drop(beyond);
    assert_eq!(rung(&bell), 1);
    fixture.check(2);
}

#[test]
fn overdraft_is_bounded() {
    let fixture = Fixture::new(10);
    let (mut pool, _) = fixture.pool(1, 1, 2);
    let _out = [segment(&mut pool), overdraft(&mut pool), overdraft(&mut pool)];
    exhausted(&mut pool);
    assert_eq!(pool.outstanding(), SegmentCount(3));
}

#[test]
fn segments_outlive_their_pool() {
    let fixture = Fixture::new(4);
    let (mut pool, bell) = fixture.try_pool("closed", [2, 4, 0]).unwrap();
    let out = segments(&mut pool, 4);
    exhausted(&mut pool);
    drop(pool);
    assert_eq!(rung(&bell), 0);
    fixture.check(0);
    let lent = SegmentCount(4);
    let holders = vec![Holder { owner: "closed".to_owned(), segments: lent, lent }];
    assert_eq!(fixture.region().holders(), holders);
    assert_eq!(fixture.region().lent(), lent);
    // What the closed pool still holds, another may already be promised.
    let (mut next, bell) = fixture.pool(4, 4, 0);
    exhausted(&mut next);
    drop(out);
    assert_eq!(rung(&bell), 1);
    assert_eq!(segments(&mut next, 4).len(), 4);
    drop(next);
    fixture.check(4);
    assert_eq!(fixture.region().holders(), []);
}

#[test]
fn the_line_serves_required_segments_first() {
    let fixture = Fixture::new(6);
    let (mut hog, _) = fixture.pool(0, 6, 0);
    let mut out = segments(&mut hog, 6);
    let (mut floating, floating_bell) = fixture.pool(0, 6, 0);
    exhausted(&mut floating);
    let (mut required, required_bell) = fixture.pool(1, 1, 0);
    exhausted(&mut required);
    drop(out.pop());
    assert_eq!((rung(&floating_bell), rung(&required_bell)), (0, 1));
    drop(out.pop());
    assert_eq!((rung(&floating_bell), rung(&required_bell)), (1, 0));
    let _both = (segment(&mut floating), segment(&mut required));
    fixture.check(0);
}

#[test]
fn closing_a_pool_wakes_who_gains_by_it() {
    let fixture = Fixture::new(6);
    let (mut first, bell) = fixture.pool(1, 6, 0);
    let (second, _) = fixture.pool(3, 3, 0);
    let out = segments(&mut first, 3);
    exhausted(&mut first);
    drop(second);
    assert_eq!(rung(&bell), 1);
    assert_eq!(segments(&mut first, 3).len(), 3);
    drop(out);
    fixture.check(0);
}

#[test]
fn pools_that_come_and_go_reuse_their_place() {
    let fixture = Fixture::new(4);
    for _ in 0..1000 {
        let (mut pool, _) = fixture.pool(2, 4, 0);
        let out = segments(&mut pool, 3);
        drop(pool);
        drop(out);
    }
    fixture.check(4);
}

#[test]
fn a_hand_beyond_a_quota_that_shrank_is_given_back() {
    let fixture = Fixture::new(12);
    let (mut first, bell) = fixture.pool(2, 12, 0);
    let mut out = segments(&mut first, 12);
    drop(out.split_off(9));
    // Two of the three that came home are in the hand now.
    out.push(segment(&mut first));
    let (mut second, second_bell) = fixture.pool(10, 10, 0);
    assert_eq!((first.size(), first.outstanding()), (SegmentCount(2), SegmentCount(10)));
    exhausted(&mut second);
    assert!(first.has_room() && first.in_overdraft());
    assert!(!first.poll_room());
    assert_eq!(rung(&second_bell), 1);
    assert_eq!(segments(&mut second, 2).len(), 2);
    drop(out.split_off(2));
    assert_eq!(rung(&bell), 0);
    drop(out.pop());
    assert_eq!(rung(&bell), 1);
    assert!(first.poll_room());
    drop(second);
    fixture.check(10);
}
