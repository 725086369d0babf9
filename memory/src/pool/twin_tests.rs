//! Pools and their region beside a naive twin: the same rules over plain vectors, one thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use proptest::collection::vec;
use proptest::prelude::*;

use super::shares::{Claim, quotas};
use super::*;
use crate::arena::{Arena, ArenaOptions};
use crate::quantity::SegmentSize;

#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Bell>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A pool as one would write it down: segment numbers in vectors.
struct TwinPool {
    claim: Claim,
    overdraft: u32,
    quota: u32,
    hand: Vec<u32>,
    home: Vec<u32>,
    out: Vec<u32>,
    waiting: bool,
    rung: usize,
    open: bool,
}

impl TwinPool {
    fn drawn(&self) -> u32 {
        (self.hand.len() + self.home.len() + self.out.len()) as u32
    }

    fn owed(&self) -> u32 {
        self.claim.required.saturating_sub(self.drawn())
    }

    fn surplus(&self) -> bool {
        self.drawn() > self.quota
    }

    fn receive(&mut self, segment: u32) {
        self.home.push(segment);
        self.rung += usize::from(std::mem::take(&mut self.waiting));
    }
}

#[derive(Default)]
struct TwinRegion {
    total: u32,
    free: Vec<u32>,
    pools: Vec<TwinPool>,
    line: Vec<usize>,
}

#[derive(Debug, PartialEq)]
enum TwinTaken {
    Segment(u32),
    Overdraft(u32),
    Exhausted,
}

impl TwinRegion {
    fn new(total: u32) -> TwinRegion {
        TwinRegion { total, free: (0..total).rev().collect(), ..TwinRegion::default() }
    }

    fn owed(&self) -> u32 {
        self.pools.iter().map(TwinPool::owed).sum()
    }

    fn spare(&self) -> bool {
        self.free.len() as u32 > self.owed()
    }

    fn admits(&self, pool: usize) -> bool {
        let pool = &self.pools[pool];
        pool.owed() > 0 && !self.free.is_empty() || !pool.surplus() && self.room(pool)
    }

    fn room(&self, pool: &TwinPool) -> bool {
        pool.drawn() < pool.quota && self.spare()
    }

    fn has_room(&self, pool: usize) -> bool {
        let at_home = !self.pools[pool].hand.is_empty() || !self.pools[pool].home.is_empty();
        at_home || self.admits(pool)
    }

    fn take(&mut self, at: usize) -> TwinTaken {
        let hand_max = self.pools[at].claim.required.saturating_add(1).min(HAND_MAX) as usize;
        if self.pools[at].hand.is_empty() && !self.pools[at].home.is_empty() {
            let pool = &mut self.pools[at];
            let keep = pool.home.len().saturating_sub(hand_max);
            pool.hand = pool.home.split_off(keep);
        }
        if self.pools[at].hand.is_empty() && self.admits(at) {
            let own = self.pools[at].owed().clamp(1, hand_max as u32) as usize;
            let keep = self.free.len().saturating_sub(own);
            self.pools[at].hand = self.free.split_off(keep);
        }
        if let Some(segment) = self.pools[at].hand.pop() {
            self.pools[at].out.push(segment);
            return TwinTaken::Segment(segment);
        }
        let spare = self.spare();
        let pool = &mut self.pools[at];
        if pool.drawn() >= pool.quota && pool.drawn() < pool.quota + pool.overdraft && spare {
            let segment = self.free.pop().unwrap();
            pool.out.push(segment);
            return TwinTaken::Overdraft(segment);
        }
        self.wait(at);
        TwinTaken::Exhausted
    }

    fn wait(&mut self, at: usize) {
        let pool = &mut self.pools[at];
        // Who was helped meanwhile and waits again keeps its place, if nobody was served since.
        if !pool.waiting && pool.drawn() < pool.quota && !self.line.contains(&at) {
            self.line.push(at);
        }
        pool.waiting = true;
    }

    fn give_back(&mut self, segment: u32) {
        let pool = self.pools.iter_mut().find(|pool| pool.out.contains(&segment)).unwrap();
        let surplus = pool.surplus();
        pool.out.retain(|out| *out != segment);
        if surplus {
            self.free.push(segment);
            self.serve();
        } else {
            pool.receive(segment);
        }
    }

    /// Gives back what is in hand beyond the quota.
    fn shed(&mut self, at: usize) {
        if !self.pools[at].surplus() || self.pools[at].hand.is_empty() {
            return;
        }
        while self.pools[at].surplus() && !self.pools[at].hand.is_empty() {
            self.free.extend(self.pools[at].hand.pop());
        }
        self.serve();
    }

    fn serve(&mut self) {
        loop {
            let pools = &self.pools;
            self.line.retain(|at| pools[*at].open && pools[*at].waiting);
            let required = self.line.iter().position(|at| self.pools[*at].owed() > 0);
            let floating = || self.line.iter().position(|at| self.room(&self.pools[*at]));
            let Some(first) = required.or_else(floating).filter(|_| !self.free.is_empty()) else {
                return;
            };
            let at = self.line.remove(first);
            let segment = self.free.pop().unwrap();
            self.pools[at].receive(segment);
        }
    }

    /// The place of the next pool: that of one that is gone, or a new one.
    fn place(&self) -> usize {
        let gone = |pool: &TwinPool| !pool.open && pool.out.is_empty();
        self.pools.iter().position(gone).unwrap_or(self.pools.len())
    }

    fn open(&mut self, claim: Claim, overdraft: u32, quotas: Vec<u32>) {
        let place = self.place();
        let pool = TwinPool {
            claim,
            overdraft,
            quota: claim.required,
            hand: Vec::new(),
            home: Vec::new(),
            out: Vec::new(),
            waiting: false,
            rung: 0,
            open: true,
        };
        match self.pools.get_mut(place) {
            Some(gone) => *gone = pool,
            None => self.pools.push(pool),
        }
        self.share_out(quotas);
    }

    fn close(&mut self, at: usize, quotas: Vec<u32>) {
        let pool = &mut self.pools[at];
        (pool.open, pool.quota, pool.claim) = (false, 0, Claim { required: 0, max: 0 });
        self.free.extend(pool.hand.drain(..).rev());
        self.free.extend(pool.home.drain(..).rev());
        self.share_out(quotas);
    }

    fn share_out(&mut self, quotas: Vec<u32>) {
        assert!(quotas.iter().sum::<u32>() <= self.total);
        for (pool, quota) in self.pools.iter_mut().filter(|pool| pool.open).zip(quotas) {
            if quota > pool.quota {
                pool.rung += usize::from(std::mem::take(&mut pool.waiting));
            }
            pool.quota = quota;
            while pool.surplus() && !pool.home.is_empty() {
                self.free.push(pool.home.pop().unwrap());
            }
        }
        self.serve();
    }

    /// What may be required in addition.
    fn left(&self) -> u32 {
        self.total - self.pools.iter().map(|pool| pool.claim.required).sum::<u32>()
    }
}

/// One step; numbers choose among what there is.
#[derive(Clone, Debug)]
enum Step {
    Open { required: u32, more: u32, overdraft: u32 },
    Close(usize),
    Take(usize),
    Poll(usize),
    Drop(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..6_u32, 0..12_u32, 0..4_u32)
            .prop_map(|(required, more, overdraft)| Step::Open { required, more, overdraft }),
        1 => any::<usize>().prop_map(Step::Close),
        20 => any::<usize>().prop_map(Step::Take),
        2 => any::<usize>().prop_map(Step::Poll),
        12 => any::<usize>().prop_map(Step::Drop),
    ]
}

/// The real thing and its twin, in lockstep.
struct Pair {
    arena: Arena,
    twin: TwinRegion,
    live: Vec<(usize, Pool, Arc<Bell>)>,
    out: Vec<Segment>,
}

impl Pair {
    fn new(segments: u32) -> Pair {
        let arena = Arena::map(ArenaOptions {
            segment_size: SegmentSize::MIN,
            managed: SegmentCount(segments),
            ..ArenaOptions::default()
        });
        let twin = TwinRegion::new(segments);
        Pair { arena: arena.unwrap(), twin, live: Vec::new(), out: Vec::new() }
    }

    fn run(&mut self, step: Step) {
        let pools = self.live.len();
        match step {
            Step::Open { required, more, overdraft } => self.open([required, more, overdraft]),
            Step::Drop(at) if !self.out.is_empty() => {
                let segment = self.out.swap_remove(at % self.out.len());
                self.twin.give_back(segment.index().get());
            }
            Step::Close(at) if pools > 0 => {
                let (id, pool, _) = self.live.remove(at % pools);
                drop(pool);
                self.twin.close(id, self.sizes());
            }
            Step::Take(at) if pools > 0 => self.take(at % pools),
            Step::Poll(at) if pools > 0 => {
                let (id, pool, _) = &mut self.live[at % pools];
                self.twin.shed(*id);
                let room = self.twin.has_room(*id);
                assert_eq!(pool.poll_room(), room);
                if !room {
                    self.twin.wait(*id);
                }
            }
            _ => {}
        }
        self.compare();
    }

    fn open(&mut self, [required, more, overdraft]: [u32; 3]) {
        let bell = Arc::new(Bell::default());
        let opened = self.arena.managed().create_pool(PoolOptions {
            owner: "twin".to_owned(),
            required: SegmentCount(required),
            max: SegmentCount(required + more),
            overdraft: SegmentCount(overdraft),
            waker: Waker::from(bell.clone()),
        });
        assert_eq!(opened.is_ok(), required <= self.twin.left());
        let Ok(pool) = opened else { return };
        self.live.push((self.twin.place(), pool, bell));
        let claim = Claim { required, max: required + more };
        self.twin.open(claim, overdraft, self.sizes());
    }

    fn take(&mut self, at: usize) {
        let (id, pool, _) = &mut self.live[at];
        let taken = pool.take();
        let twin = self.twin.take(*id);
        let (taken, segment) = match taken {
            Taken::Segment(s) => (TwinTaken::Segment(s.index().get()), Some(s)),
            Taken::Overdraft(s) => (TwinTaken::Overdraft(s.index().get()), Some(s)),
            Taken::Exhausted => (TwinTaken::Exhausted, None),
        };
        assert_eq!(taken, twin);
        self.out.extend(segment);
    }

    fn sizes(&self) -> Vec<u32> {
        let mut sizes: Vec<_> =
            self.live.iter().map(|(id, pool, _)| (*id, pool.size().0)).collect();
        sizes.sort_unstable();
        sizes.into_iter().map(|(_, size)| size).collect()
    }

    fn compare(&self) {
        self.arena.verify_conservation().unwrap();
        assert_eq!(self.arena.managed().available().0 as usize, self.twin.free.len());
        for (id, pool, bell) in &self.live {
            let twin = &self.twin.pools[*id];
            assert_eq!(pool.outstanding().0 as usize, twin.out.len());
            assert_eq!(pool.in_overdraft(), twin.out.len() as u32 > twin.quota);
            assert_eq!(bell.0.load(Ordering::SeqCst), twin.rung);
            assert_eq!(pool.has_room(), self.twin.has_room(*id));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pools_do_as_their_twin_does(segments in 1..20_u32, steps in vec(step(), 1..300)) {
        let mut pair = Pair::new(segments);
        steps.into_iter().for_each(|step| pair.run(step));
        let Pair { arena, live, out, .. } = pair;
        drop(live);
        drop(out);
        arena.verify_conservation().unwrap();
        assert_eq!(arena.managed().available(), SegmentCount(segments));
    }

    #[test]
    fn quotas_add_up(
        total in 0..1_000_000_u32,
        claims in vec((0..50_u32, prop_oneof![0..100_u32, Just(u32::MAX - 50)]), 0..40),
    ) {
        let claim = |(required, more)| Claim { required, max: required + more };
        let claims: Vec<_> = claims.into_iter().map(claim).collect();
        let required: u32 = claims.iter().map(|claim| claim.required).sum();
        let total = total.max(required);
        let quotas = quotas(total, claims.iter().copied());
        let wanted: u64 = claims.iter().map(|claim| u64::from(claim.max)).sum();
        let sum: u64 = quotas.iter().map(|quota| u64::from(*quota)).sum();
        assert_eq!(sum, wanted.min(u64::from(total)));
        for (quota, claim) in quotas.iter().zip(&claims) {
            assert!((claim.required..=claim.max).contains(quota));
        }
        // Equal claims differ by rounding at most.
        for (one, a) in quotas.iter().zip(&claims) {
            for (two, b) in quotas.iter().zip(&claims) {
                if (a.required, a.max) == (b.required, b.max) {
                    assert!(one.abs_diff(*two) <= 1);
                }
            }
        }
    }
}

/// Owners, consumers and pools that come and go, on threads, while conservation is checked.
#[test]
fn segments_are_conserved_under_load() {
    let arena = Arena::map(ArenaOptions {
        segment_size: SegmentSize::MIN,
        network: SegmentCount(64),
        ..ArenaOptions::default()
    });
    let arena = arena.unwrap();
    std::thread::scope(|scope| {
        for worker in 0..3_u32 {
            let (to, from) = std::sync::mpsc::sync_channel::<Segment>(16);
            let arena = &arena;
            scope.spawn(move || {
                for round in 0..200_u32 {
                    let waiter = std::thread::current();
                    let pool = arena.network().create_pool(PoolOptions {
                        owner: format!("worker {worker}"),
                        required: SegmentCount(1 + (round + worker) % 20),
                        max: SegmentCount(40),
                        overdraft: SegmentCount(round % 3),
                        waker: Waker::from(Arc::new(Unpark(waiter))),
                    });
                    produce(&mut pool.unwrap(), &to);
                }
            });
            scope.spawn(move || from.into_iter().for_each(drop));
        }
        for _ in 0..500 {
            arena.verify_conservation().unwrap();
        }
    });
    arena.verify_conservation().unwrap();
    assert_eq!(arena.network().available(), SegmentCount(64));
}

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Unpark>) {
        self.0.unpark();
    }
}

fn produce(pool: &mut Pool, to: &std::sync::mpsc::SyncSender<Segment>) {
    for turn in 0..300 {
        let segment = loop {
            match pool.take() {
                Taken::Segment(segment) | Taken::Overdraft(segment) => break segment,
                Taken::Exhausted => std::thread::park(),
            }
        };
        if turn % 3 == 0 {
            drop(segment);
        } else {
            to.send(segment).unwrap();
        }
    }
}
