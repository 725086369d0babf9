use super::*;
use crate::{
    BufferBuilder,
    frame::{FRAME_BYTES_MAX, FRAME_HEADER},
};
use brisk_memory::{Arena, ArenaOptions, PoolOptions, SegmentCount, SegmentSize, Taken};
use proptest::{collection::vec, prelude::*};
use std::task::Waker;

/// A buffer with these frames, as a builder lays them out.
fn buffer(frames: &[(FrameKind, usize)]) -> Vec<u8> {
    let arena = Arena::map(ArenaOptions {
        segment_size: SegmentSize::new(4096).expect("a legal size"),
        network: SegmentCount(1),
        ..ArenaOptions::default()
    });
    let arena = arena.expect("memory for a test");
    let pool = arena.network().create_pool(PoolOptions {
        owner: "a test".to_string(),
        required: SegmentCount(1),
        max: SegmentCount(1),
        overdraft: SegmentCount(0),
        waker: Waker::noop().clone(),
    });
    let Taken::Segment(segment) = pool.expect("it fits").take() else { panic!("there is one") };
    let mut builder = BufferBuilder::new();
    builder.open(segment, usize::MAX);
    for (kind, length) in frames {
        builder.payload_mut().expect("there is room")[..*length].fill(7);
        builder.commit(FrameHeader::new(*length, *kind, 0));
    }
    builder.finish().expect("there are frames").to_vec()
}

fn check(buffers: &[Vec<u8>]) -> Result<bool, FrameError> {
    let mut check = FrameCheck::new();
    for buffer in buffers {
        check.check(buffer)?;
    }
    Ok(check.may_end())
}

#[test]
fn what_a_builder_makes_passes() {
    use FrameKind::{First, Last, Middle, Whole};
    assert_eq!(check(&[buffer(&[(Whole, 0), (Whole, 1), (Whole, 100)])]), Ok(true));
    let begun = buffer(&[(Whole, 3), (First, 500)]);
    assert_eq!(check(std::slice::from_ref(&begun)), Ok(false), "the record is not finished");
    let (middle, end) = (buffer(&[(Middle, 900)]), buffer(&[(Last, 5), (Whole, 8)]));
    assert_eq!(check(&[begun, middle.clone(), middle, end]), Ok(true));
}

#[test]
fn pieces_out_of_place_are_refused() {
    use FrameKind::{First, Last, Middle, Whole};
    let refused = |buffers: &[Vec<u8>], offset, kind| {
        assert_eq!(check(buffers), Err(FrameError::OutOfPlace { offset, kind }));
    };
    refused(&[buffer(&[(Last, 8)])], 8, Last);
    refused(&[buffer(&[(Middle, 8)])], 8, Middle);
    refused(&[buffer(&[(First, 8), (Whole, 1)])], 8, First);
    refused(&[buffer(&[(First, 8)]), buffer(&[(Whole, 8)])], 8, Whole);
    refused(&[buffer(&[(First, 8)]), buffer(&[(First, 8)])], 8, First);
    refused(&[buffer(&[(First, 8)]), buffer(&[(Middle, 8), (Last, 8)])], 8, Middle);
    refused(&[buffer(&[(First, 8)]), buffer(&[(Last, 8), (Last, 8)])], 24, Last);
}

#[test]
fn headers_that_lie_are_refused() {
    let good = buffer(&[(FrameKind::Whole, 20), (FrameKind::Whole, 20)]);
    let length = good.len();
    assert_eq!(check(&[vec![0; 7]]), Err(FrameError::Short { length: 7 }));
    assert_eq!(check(&[vec![0; 8]]), Err(FrameError::Empty));
    let mut bad = good.clone();
    bad[5] = 1;
    assert_eq!(check(&[bad]), Err(FrameError::Reserved { found: 0x100 }));
    let mut bad = good.clone();
    bad[0] = 3;
    assert_eq!(check(&[bad]), Err(FrameError::Miscounted { counted: 3, found: 2 }));
    let cut = good[..length - 1].to_vec();
    assert_eq!(check(&[cut]), Err(FrameError::Cut { offset: 40, length: length - 1 }));
    let mut trailing = good.clone();
    trailing.push(0);
    assert!(matches!(check(&[trailing]), Err(FrameError::Cut { .. })));
    let mut endless = good;
    let header = FrameHeader::new(FRAME_BYTES_MAX, FrameKind::Whole, 0).to_bytes();
    endless[BUFFER_HEADER..BUFFER_HEADER + FRAME_HEADER].copy_from_slice(&header);
    assert_eq!(check(&[endless]), Err(FrameError::Cut { offset: 8, length }));
}

#[test]
fn classes_that_do_not_fit_are_refused() {
    let classed = |bytes: &mut Vec<u8>, class: u8| bytes[BUFFER_HEADER + 3] |= class << 4;
    let mut untimed = buffer(&[(FrameKind::Whole, 7)]);
    classed(&mut untimed, FrameClass::Timed as u8);
    assert_eq!(check(&[untimed]), Err(FrameError::Untimed { offset: 8, length: 7 }));
    let mut unknown = buffer(&[(FrameKind::Whole, 20)]);
    classed(&mut unknown, 3);
    assert_eq!(check(&[unknown]), Err(FrameError::Class { offset: 8 }));
    let mut control = buffer(&[(FrameKind::Whole, 20)]);
    classed(&mut control, FrameClass::Control as u8);
    let counted = FrameError::Miscounted { counted: 1, found: 0 };
    assert_eq!(check(&[control.clone()]), Err(counted));
    control[0] = 0;
    assert_eq!(check(&[control]), Ok(true));
    let mut timed = buffer(&[(FrameKind::First, 20)]);
    classed(&mut timed, FrameClass::Timed as u8);
    let plain = buffer(&[(FrameKind::Last, 20)]);
    assert_eq!(check(&[timed, plain]), Err(FrameError::Class { offset: 8 }));
}

proptest! {
    #[test]
    fn nothing_panics_and_what_passes_can_be_walked(bytes in vec(any::<u8>(), 0..300)) {
        exercise(&bytes);
    }

    #[test]
    fn changed_buffers_are_refused_or_can_be_walked(
        lengths in vec(0usize..60, 1..8),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let frames: Vec<_> = lengths.iter().map(|length| (FrameKind::Whole, *length)).collect();
        let mut bytes = buffer(&frames);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let mut input = (bytes.len() as u16).to_le_bytes().to_vec();
        input.extend(bytes);
        exercise(&input);
    }
}
