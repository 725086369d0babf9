use crate::arena::{Arena, ArenaOptions};
use crate::pool::{Pool, PoolOptions, Taken};
use crate::quantity::{SegmentCount, SegmentSize};
use crate::segment::{Buffer, Holding, Segment};

fn arena() -> (Arena, Pool) {
    let arena = Arena::map(ArenaOptions {
        segment_size: SegmentSize::MIN,
        network: SegmentCount(2),
        ..ArenaOptions::default()
    })
    .unwrap();
    let pool = arena.network().create_pool(PoolOptions {
        owner: "test".to_owned(),
        required: SegmentCount(2),
        max: SegmentCount(2),
        overdraft: SegmentCount::ZERO,
        waker: std::task::Waker::noop().clone(),
    });
    (arena, pool.unwrap())
}

fn filled(pool: &mut Pool) -> Segment {
    match pool.take() {
        Taken::Segment(mut segment) => {
            let bytes = segment.as_mut_slice();
            bytes.iter_mut().enumerate().for_each(|(at, byte)| *byte = at as u8);
            segment
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_buffer_shows_what_was_frozen() {
    let (arena, mut pool) = arena();
    let segment = filled(&mut pool);
    let index = segment.index();
    let buffer = segment.freeze(10);
    assert_eq!(*buffer, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!((buffer.len(), buffer.segment_index(), buffer.offset()), (10, index, 0));
    let empty = filled(&mut pool).freeze(0);
    assert!(empty.is_empty());
    drop((buffer, empty));
    assert_eq!(pool.outstanding(), SegmentCount(0));
    arena.verify_conservation().unwrap();
}

#[test]
fn slices_share_their_segment() {
    let (arena, mut pool) = arena();
    let buffer = filled(&mut pool).freeze(100);
    let slice = buffer.slice(10..20);
    let inner = slice.slice(5..10);
    assert_eq!(*inner, [15, 16, 17, 18, 19]);
    assert_eq!(inner.offset(), 15);
    assert!(slice.slice(10..10).is_empty());
    assert!(!buffer.is_unique());
    drop((buffer, slice));
    assert!(inner.is_unique());
    assert_eq!(pool.outstanding(), SegmentCount(1));
    drop(inner);
    assert_eq!(pool.outstanding(), SegmentCount(0));
    arena.verify_conservation().unwrap();
}

#[test]
#[should_panic(expected = "bytes 5..11 of a buffer of 10")]
fn a_slice_beyond_its_buffer_panics() {
    let (_arena, mut pool) = arena();
    filled(&mut pool).freeze(10).slice(5..11);
}

#[test]
#[should_panic(expected = "a buffer of 4097 bytes in a smaller segment")]
fn freezing_more_than_there_is_panics() {
    let (_arena, mut pool) = arena();
    filled(&mut pool).freeze(4097);
}

#[test]
fn only_a_sole_holder_gets_the_segment_back() {
    let (_arena, mut pool) = arena();
    let buffer = filled(&mut pool).freeze(100);
    let index = buffer.segment_index();
    let clone = buffer.clone();
    let buffer = buffer.try_into_segment().unwrap_err();
    assert_eq!(buffer.len(), 100);
    drop(clone);
    let mut segment = buffer.slice(50..60).try_into_segment().map_or_else(
        |slice| {
            drop(slice);
            buffer.try_into_segment().unwrap()
        },
        |_| panic!("two handles"),
    );
    assert_eq!((segment.index(), segment.size()), (index, 4096));
    segment.as_mut_slice().fill(9);
    assert!(segment.freeze(4096).iter().all(|byte| *byte == 9));
    assert_eq!(pool.outstanding(), SegmentCount(0));
}

#[test]
fn handles_end_on_any_thread() {
    let (arena, mut pool) = arena();
    let buffer = filled(&mut pool).freeze(4096);
    let holders: Vec<_> = (0..4)
        .map(|at| {
            let slice = buffer.slice(at * 1000..at * 1000 + 1000);
            std::thread::spawn(move || {
                let clones: Vec<Buffer> = (0..100).map(|_| slice.clone()).collect();
                clones.iter().map(|clone| clone[0] as usize).sum::<usize>()
            })
        })
        .collect();
    drop(buffer);
    let sums: Vec<_> = holders.into_iter().map(|holder| holder.join().unwrap()).collect();
    assert_eq!(sums, [0, 232 * 100, 208 * 100, 184 * 100]);
    assert_eq!(pool.outstanding(), SegmentCount(0));
    arena.verify_conservation().unwrap();
}

#[test]
fn a_holding_is_written_until_it_is_frozen() {
    let (arena, mut pool) = arena();
    let mut holding = Holding::new(SegmentSize::MIN);
    let first = holding.add(filled(&mut pool));
    holding.bytes_mut(first)[3] = 99;
    let frozen = holding.freeze(first);
    assert!(!holding.is_open(first) && !holding.thaw(first), "a buffer of it is out");
    let copy = filled(&mut pool);
    holding.replace(first, copy);
    holding.bytes_mut(first)[3] = 7;
    assert_eq!((frozen[3], holding.bytes(first)[3]), (99, 7));
    drop(frozen);
    let frozen = holding.freeze(first);
    drop(frozen);
    assert!(holding.thaw(first) && holding.is_open(first));
    let second = holding.add(filled(&mut pool));
    assert_eq!(holding.indices().collect::<Vec<_>>(), [first, second]);
    holding.remove(first);
    assert_eq!((holding.len(), pool.outstanding()), (1, SegmentCount(1)));
    assert_eq!(holding.add(filled(&mut pool)), first);
    let kept = holding.freeze(second);
    let all = holding.take_all();
    assert!(
        holding.is_empty() && !holding.has(first) && all.has(first) && all.bytes(second)[4] == 4
    );
    drop((holding, all));
    assert_eq!((pool.outstanding(), kept[4]), (SegmentCount(1), 4));
    drop(kept);
    assert_eq!(pool.outstanding(), SegmentCount(0));
    arena.verify_conservation().unwrap();
}

#[test]
#[should_panic(expected = "not open")]
fn a_frozen_segment_is_not_written() {
    let (_arena, mut pool) = arena();
    let mut holding = Holding::new(SegmentSize::MIN);
    let index = holding.add(filled(&mut pool));
    let _frozen = holding.freeze(index);
    holding.bytes_mut(index)[0] = 1;
}

fn three() -> (Arena, Pool, Holding) {
    let options = ArenaOptions {
        segment_size: SegmentSize::MIN,
        network: SegmentCount(3),
        ..ArenaOptions::default()
    };
    let arena = Arena::map(options).unwrap();
    let pool = arena.network().create_pool(PoolOptions {
        owner: "test".to_owned(),
        required: SegmentCount(3),
        max: SegmentCount(3),
        overdraft: SegmentCount::ZERO,
        waker: std::task::Waker::noop().clone(),
    });
    (arena, pool.unwrap(), Holding::new(SegmentSize::MIN))
}

#[test]
fn all_are_frozen_at_once_and_handed_over_when_they_change_or_go() {
    let (arena, mut pool, mut holding) = three();
    let [first, second] = [(); 2].map(|()| holding.add(filled(&mut pool)));
    let claims = holding.freeze_all(vec![first, second]);
    assert!(!holding.is_open(first) && !holding.thaw(first), "somebody wants it as it is");
    holding.replace(first, filled(&mut pool));
    holding.bytes_mut(first)[3] = 99;
    holding.remove(second);
    assert_eq!((claims.open(), pool.outstanding()), (2, SegmentCount(3)));
    for index in [first, second] {
        assert_eq!(claims.take(index).unwrap().as_slice()[..5], [0, 1, 2, 3, 4]);
        assert!(claims.take(index).is_none(), "once");
    }
    assert_eq!((claims.open(), pool.outstanding()), (0, SegmentCount(1)));
    drop((claims, holding));
    assert_eq!(pool.outstanding(), SegmentCount(0));
    arena.verify_conservation().unwrap();
}

#[test]
fn what_nobody_wants_any_more_is_opened_where_it_is() {
    let (_arena, mut pool, mut holding) = three();
    let [first, second, third] = [(); 3].map(|()| holding.add(filled(&mut pool)));
    let claims = holding.freeze_all(vec![first, second]);
    assert!(holding.thaw(third), "nobody wanted it");
    let taken = claims.take(first).unwrap();
    assert!(!holding.thaw(first), "it is being read");
    drop(taken);
    assert!(holding.thaw(first));
    drop(claims);
    assert!(holding.thaw(second), "the freeze is over");
    // The next one, of which the holding is dropped.
    let claims = holding.freeze_all(vec![first, second, third]);
    drop(holding);
    assert_eq!(pool.outstanding(), SegmentCount(3));
    assert_eq!(claims.take(second).unwrap().as_slice()[4], 4);
    drop(claims);
    assert_eq!(pool.outstanding(), SegmentCount(0));
}

#[test]
fn without_a_segment_for_a_copy_it_is_on_the_heap() {
    let (_arena, mut pool, mut holding) = three();
    let [first, second] = [(); 2].map(|()| holding.add(filled(&mut pool)));
    let claims = holding.freeze_all(vec![first, second]);
    assert!(!claims.is_starved());
    assert!(holding.thaw_by_heap(first));
    assert!(claims.is_starved());
    holding.bytes_mut(first)[3] = 99;
    assert_eq!(claims.take(first).unwrap().as_slice()[3], 3);
    // From here on readers take copies.
    let taken = claims.take(second).unwrap();
    assert!(holding.thaw(second));
    assert_eq!(taken.as_slice()[3], 3);
    assert!(!claims.is_starved(), "nothing is wanted any more");
    // A saved segment makes room.
    let claims = holding.freeze_all(vec![first, second]);
    holding.replace(first, filled(&mut pool));
    assert_eq!(pool.outstanding(), SegmentCount(3));
    assert!(claims.downgrade().set_aside() && !claims.downgrade().set_aside());
    assert_eq!(pool.outstanding(), SegmentCount(2));
    assert_eq!(claims.take(first).unwrap().as_slice()[3], 99);
    assert_eq!(claims.take(second).unwrap().as_slice()[3], 3);
}

#[test]
fn a_segment_is_lifted_out_and_put_down_again() {
    let (arena, mut pool, mut holding) = three();
    let [first, second] = [(); 2].map(|()| holding.add(filled(&mut pool)));
    let read = holding.freeze(first);
    assert!(!holding.is_sole(first) && holding.lift(first).is_none(), "it is being read");
    drop(read);
    let claims = holding.freeze_all(vec![first, second]);
    assert!(holding.is_claimed(first) && holding.is_sole(first));
    let lifted = holding.lift(first).unwrap();
    assert!(holding.is_away(first) && !holding.is_sole(first) && !holding.is_claimed(first));
    assert_eq!((claims.open(), claims.take(first).is_none()), (1, true), "it is had elsewhere");
    assert_eq!((holding.len(), holding.indices().count(), holding.numbers()), (2, 2, 2));
    drop(holding.freeze_all(vec![second]));
    holding.put_down(first, lifted);
    assert!(!holding.is_away(first) && !holding.is_open(first), "its first change is seen");
    assert!(holding.thaw(first));
    assert_eq!(holding.bytes(first)[4], 4);
    drop(holding.lift(first));
    // Its number is free for another.
    holding.remove(first);
    assert_eq!(holding.add(filled(&mut pool)), first);
    drop(holding.lift(second));
    drop((holding, claims));
    assert_eq!(pool.outstanding(), SegmentCount(0));
    arena.verify_conservation().unwrap();
}

#[test]
#[should_panic(expected = "taken out")]
fn a_segment_that_was_lifted_out_is_not_read() {
    let (_arena, mut pool) = arena();
    let mut holding = Holding::new(SegmentSize::MIN);
    let index = holding.add(filled(&mut pool));
    drop(holding.lift(index));
    holding.bytes(index);
}
