//! Every interleaving of handles that end on several threads.

use loom::cell::UnsafeCell;
use loom::thread;
use std::sync::Arc;

use crate::arena::{Arena, ArenaOptions};
use crate::pool::{Pool, PoolOptions, Taken};
use crate::quantity::{SegmentCount, SegmentSize};
use crate::segment::Buffer;

/// Bytes of the one segment that loom can watch: it fails when a write may race with a read.
#[derive(Default)]
struct Watched(UnsafeCell<u32>);

#[expect(unsafe_code, reason = "loom's cell is checked by loom")]
// SAFETY: it is loom that checks the accesses.
unsafe impl Sync for Watched {}
#[expect(unsafe_code, reason = "loom's cell is checked by loom")]
// SAFETY: as above.
unsafe impl Send for Watched {}

impl Watched {
    fn read(&self) {
        self.0.with(|_| ());
    }

    fn write(&self) {
        self.0.with_mut(|_| ());
    }
}

fn model(check: impl Fn(&mut Pool, Buffer, Arc<Watched>) + Sync + Send + 'static) {
    loom::model(move || {
        let arena = Arena::map(ArenaOptions {
            segment_size: SegmentSize::MIN,
            network: SegmentCount(1),
            ..ArenaOptions::default()
        });
        let arena = arena.unwrap();
        let mut pool = arena
            .network()
            .create_pool(PoolOptions {
                owner: "loom".to_owned(),
                required: SegmentCount(1),
                max: SegmentCount(1),
                overdraft: SegmentCount::ZERO,
                waker: std::task::Waker::noop().clone(),
            })
            .unwrap();
        let Taken::Segment(segment) = pool.take() else { panic!("the first segment is there") };
        let watched = Arc::new(Watched::default());
        watched.write();
        check(&mut pool, segment.freeze(100), watched);
        assert!(pool.has_room());
        arena.verify_conservation().unwrap();
    });
}

/// Uses the segment again if it has come home.
fn write_next(pool: &mut Pool, watched: &Watched) {
    if let Taken::Segment(_segment) = pool.take() {
        watched.write();
    }
}

#[test]
fn loom_the_last_handle_takes_the_segment_home() {
    model(|pool, buffer, watched| {
        let others = [buffer.clone(), buffer.slice(10..20)].map(|buffer| {
            let watched = watched.clone();
            thread::spawn(move || {
                watched.read();
                drop(buffer);
            })
        });
        drop(buffer);
        write_next(pool, &watched);
        others.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn loom_a_sole_holder_may_write() {
    model(|pool, buffer, watched| {
        let (clone, seen) = (buffer.clone(), watched.clone());
        let reader = thread::spawn(move || {
            seen.read();
            drop(clone);
        });
        if let Ok(segment) = buffer.try_into_segment() {
            watched.write();
            drop(segment);
        }
        write_next(pool, &watched);
        reader.join().unwrap();
    });
}

#[test]
fn loom_handles_are_made_while_others_end() {
    model(|pool, buffer, watched| {
        let (clone, seen) = (buffer.clone(), watched.clone());
        let other = thread::spawn(move || {
            let second = clone.slice(0..1);
            drop(clone);
            seen.read();
            drop(second);
        });
        drop(buffer.clone());
        match buffer.try_into_segment() {
            Ok(_) => watched.write(),
            Err(buffer) => drop(buffer),
        }
        write_next(pool, &watched);
        other.join().unwrap();
    });
}
