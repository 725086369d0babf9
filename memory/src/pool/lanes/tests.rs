use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use proptest::collection::vec;
use proptest::prelude::*;

use crate::arena::{Arena, ArenaOptions};
use crate::pool::{Lane, LaneOptions, Pool, PoolOptions, Taken};
use crate::quantity::{SegmentCount, SegmentSize};
use crate::segment::Segment;

#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Bell>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn pool(lanes: LaneOptions) -> (Arena, Pool, Arc<Bell>) {
    let arena = Arena::map(ArenaOptions {
        segment_size: SegmentSize::MIN,
        network: SegmentCount(8),
        ..ArenaOptions::default()
    });
    let (arena, bell) = (arena.unwrap(), Arc::new(Bell::default()));
    let options = PoolOptions {
        owner: "lanes".to_owned(),
        required: SegmentCount(4),
        max: SegmentCount(6),
        overdraft: SegmentCount(2),
        waker: Waker::from(bell.clone()),
    };
    let pool = arena.network().create_pool_with_lanes(options, lanes);
    (arena, pool.unwrap(), bell)
}

fn take(pool: &mut Pool, lane: Lane) -> Option<Segment> {
    match pool.take_for(lane) {
        Taken::Segment(segment) | Taken::Overdraft(segment) => Some(segment),
        Taken::Exhausted => None,
    }
}

#[test]
fn a_full_lane_rings_when_one_of_its_segments_comes_home() {
    let two = LaneOptions { count: 2, segments_max: SegmentCount(2) };
    let (_arena, mut pool, bell) = pool(two);
    let (slow, fast) = (Lane(0), Lane(1));
    let mut out: Vec<Segment> = (0..2).filter_map(|_| take(&mut pool, slow)).collect();
    assert!(pool.lane_is_full(slow) && !pool.lane_is_full(fast));
    assert!(pool.poll_lane_full(slow) && pool.has_room());
    drop(take(&mut pool, fast));
    assert_eq!(bell.0.load(Ordering::SeqCst), 0, "another lane's segment is no news");
    let buffer = out.pop().expect("two were taken").freeze(1);
    let last = buffer.clone();
    drop(buffer);
    assert!(pool.poll_lane_full(slow), "a shared segment comes home with its last handle");
    drop(last);
    assert_eq!(bell.0.load(Ordering::SeqCst), 1);
    assert!(!pool.poll_lane_full(slow));
    drop(out);
    assert_eq!(bell.0.load(Ordering::SeqCst), 1, "nobody waits any more");
    assert_eq!(pool.lane_outstanding(slow), SegmentCount(0));
}

#[test]
#[should_panic(expected = "Lane(2) of a pool of 2")]
fn a_lane_that_is_not_there_is_refused() {
    let (_arena, mut pool, _) = pool(LaneOptions { count: 2, segments_max: SegmentCount(2) });
    drop(pool.take_for(Lane(2)));
}

proptest! {
    #[test]
    fn lanes_count_as_vectors_do(steps in vec((0u32..3, any::<bool>()), 0..200)) {
        let lanes = LaneOptions { count: 3, segments_max: SegmentCount(3) };
        let (arena, mut pool, bell) = pool(lanes);
        let mut twin: [Vec<Segment>; 3] = Default::default();
        for (lane, takes) in steps {
            let out = &mut twin[lane as usize];
            if takes {
                out.extend(take(&mut pool, Lane(lane)));
            } else {
                let waits = pool.poll_lane_full(Lane(lane));
                prop_assert_eq!(waits, out.len() >= 3);
                let before = bell.0.load(Ordering::SeqCst);
                let returned = out.pop().is_some();
                let rung = bell.0.load(Ordering::SeqCst) - before;
                prop_assert!(!(returned && waits) || rung == 1, "one ring for the first return");
            }
            for (lane, out) in (0..).zip(&twin) {
                prop_assert_eq!(pool.lane_is_full(Lane(lane)), out.len() >= 3);
                prop_assert_eq!(pool.lane_outstanding(Lane(lane)).0, out.len() as u32);
            }
        }
        drop((twin, pool));
        prop_assert!(arena.verify_conservation().is_ok());
    }
}
