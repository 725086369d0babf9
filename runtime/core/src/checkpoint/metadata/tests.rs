use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::checkpoint::handle::{
    BackendKind, ChannelSide, ChannelStateHandle, CompletedCheckpoint, FileSlice, KeyGroupOffset,
    KeyedStateHandle, NamedState, OperatorState, OperatorStateHandle, Place, RedistributionMode,
    StateHandle, StateKind, StatePath, StateSchema, SubtaskState,
};
use crate::checkpoint::{AfterSavepoint, CheckpointId, CheckpointKind, Millis, SavepointFormat};
use crate::graph::{KeyGroup, KeyGroupRange, MaxParallelism, OperatorId};

fn file(place: Place, name: &str) -> StateHandle {
    let path = StatePath::new(place, name).unwrap();
    StateHandle::File(FileSlice { path, offset: 16, stored_len: 300, len: 250, checksum: 0xabcd })
}

fn inline(bytes: &[u8]) -> StateHandle {
    StateHandle::Inline(Arc::from(bytes))
}

fn schema(name: &str, kind: StateKind) -> StateSchema {
    StateSchema { name: name.to_owned(), kind, fingerprint: 0x1122_3344, shape: "u64".to_owned() }
}

/// Something of everything.
pub(crate) fn sample() -> CompletedCheckpoint {
    let keyed = KeyedStateHandle {
        backend: BackendKind::HashMap,
        range: KeyGroupRange::new(KeyGroup(0), KeyGroup(64)),
        schemas: vec![schema("count", StateKind::Value), schema("timers", StateKind::EventTimers)],
        offsets: vec![
            KeyGroupOffset { group: KeyGroup(3), offset: 0 },
            KeyGroupOffset { group: KeyGroup(9), offset: 250 },
        ],
        state: file(Place::Checkpoint, "worker-1.state"),
        shared: vec![
            NamedState { name: "000012.sst".to_owned(), state: file(Place::Shared, "s-1-12") },
            NamedState { name: "000013.sst".to_owned(), state: inline(b"small") },
        ],
    };
    let offsets = OperatorStateHandle {
        schema: schema("offsets", StateKind::Elements),
        mode: RedistributionMode::Split,
        offsets: vec![0, 2, 2],
        state: inline(b"abcd"),
    };
    let channel = |side, watermark| ChannelStateHandle {
        side,
        watermark,
        offsets: vec![0, 100],
        state: file(Place::Checkpoint, "worker-2.state"),
    };
    let busy = SubtaskState {
        finished: false,
        keyed: vec![keyed],
        operator: vec![offsets],
        channels: vec![
            channel(ChannelSide::Input { gate: 0, channel: 3 }, Some(-7)),
            channel(ChannelSide::Output { partition: 1, subpartition: 2 }, None),
        ],
    };
    let operator = |first: u8, uid: Option<&str>, subtasks| OperatorState {
        id: OperatorId::from_bytes([first; 16]),
        uid: uid.map(str::to_owned),
        name: format!("operator {first}"),
        max_parallelism: MaxParallelism(128),
        subtasks,
    };
    CompletedCheckpoint {
        job: "00112233445566778899aabbccddeeff".parse().unwrap(),
        id: CheckpointId(42),
        kind: CheckpointKind::Checkpoint { unaligned: true },
        triggered_at: Millis(1_700_000_000_000),
        completed_at: Millis(1_700_000_000_250),
        operators: vec![
            operator(1, Some("agg-id"), vec![busy, SubtaskState::default()]),
            operator(2, None, vec![SubtaskState::finished()]),
        ],
    }
}

fn refused(bytes: &[u8]) -> MetadataError {
    decode(Path::new("/c/_metadata"), bytes).unwrap_err()
}

const GOLDEN: &[u8] = include_bytes!("golden/checkpoint-v1.metadata");

/// Makes the file of a new version: `BRISK_WRITE_GOLDEN=1 cargo test -p brisk-core golden`.
pub(crate) fn write_golden(name: &str, bytes: &[u8]) {
    if std::env::var_os("BRISK_WRITE_GOLDEN").is_some() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/checkpoint");
        std::fs::write(folder.join(name), bytes).unwrap();
    }
}

/// Kept for good: what was written once stays readable.
#[test]
fn the_golden_file_is_read_and_written() {
    write_golden("metadata/golden/checkpoint-v1.metadata", &encode(&sample()));
    let decoded = decode(Path::new("golden"), GOLDEN).unwrap();
    assert_eq!(decoded, sample());
    assert_eq!(encode(&sample()), GOLDEN, "another encoding is another version");
}

#[test]
fn every_kind_comes_back() {
    let mut kinds = vec![
        CheckpointKind::Checkpoint { unaligned: false },
        CheckpointKind::Checkpoint { unaligned: true },
    ];
    for format in [SavepointFormat::Canonical, SavepointFormat::Native] {
        for after in [AfterSavepoint::Continue, AfterSavepoint::Suspend, AfterSavepoint::Drain] {
            kinds.push(CheckpointKind::Savepoint { format, after });
        }
    }
    for kind in kinds {
        let checkpoint = CompletedCheckpoint { kind, ..sample() };
        assert_eq!(decode(Path::new("x"), &encode(&checkpoint)).unwrap(), checkpoint);
    }
}

#[test]
fn any_changed_byte_is_found() {
    for place in 0..GOLDEN.len() {
        for flip in [1_u8, 0x80] {
            let mut damaged = GOLDEN.to_vec();
            damaged[place] ^= flip;
            let error = refused(&damaged);
            assert!(error.to_string().contains("/c/_metadata"), "{error}");
        }
    }
}

#[test]
fn any_cut_is_found() {
    for len in 0..GOLDEN.len() {
        refused(&GOLDEN[..len]);
    }
    let mut longer = GOLDEN.to_vec();
    longer.push(0);
    assert!(refused(&longer).what.contains("1 bytes too many"));
}

#[test]
fn errors_say_what_is_wrong() {
    assert!(refused(b"hello, world; this is no metadata").what.contains("the first bytes"));
    assert!(refused(b"").what.contains("needs 8 bytes, but 0 are left"));
    let damaged = |place: usize| {
        let mut damaged = GOLDEN.to_vec();
        damaged[place] ^= 4;
        refused(&damaged)
    };
    assert!(damaged(9).what.contains("the file header doesn't have its checksum"));
    let of_body = damaged(50);
    assert!(of_body.what.contains("section HEAD"), "{of_body}");
    assert_eq!(of_body.offset, 44);
}

/// A body that was made wrong on purpose, with the right checksums.
fn check_operator(change: impl FnOnce(&mut CompletedCheckpoint), expected: &str) {
    let mut checkpoint = sample();
    change(&mut checkpoint);
    let error = refused(&encode(&checkpoint));
    assert!(error.what.contains(expected), "{error}");
}

#[test]
fn what_can_not_be_is_refused() {
    check_operator(
        |checkpoint| {
            checkpoint.operators[0].subtasks[0].keyed[0].offsets[1].group = KeyGroup(2);
        },
        "out of order",
    );
    check_operator(
        |checkpoint| {
            checkpoint.operators[0].subtasks[0].keyed[0].offsets[1].offset = 251;
        },
        "out of bounds",
    );
    check_operator(
        |checkpoint| {
            let range = KeyGroupRange::new(KeyGroup(100), KeyGroup(129));
            checkpoint.operators[0].subtasks[0].keyed[0].range = range;
        },
        "key groups 100 to 129 of 128",
    );
    check_operator(
        |checkpoint| checkpoint.operators[0].max_parallelism = MaxParallelism(40_000),
        "no max parallelism",
    );
    check_operator(
        |checkpoint| checkpoint.operators[0].max_parallelism = MaxParallelism(1),
        "of 1",
    );
    check_operator(|checkpoint| checkpoint.operators[1].subtasks.clear(), "0 subtasks");
    check_operator(
        |checkpoint| checkpoint.operators[1].id = checkpoint.operators[0].id,
        "out of order",
    );
    check_operator(
        |checkpoint| checkpoint.operators[0].subtasks[0].operator[0].offsets = vec![3, 1],
        "out of order",
    );
    check_operator(|checkpoint| checkpoint.id = CheckpointId(0), "no number of a checkpoint");
}

#[test]
fn a_large_count_allocates_nothing() {
    let mut bytes = vec![0xff_u8; 64];
    bytes[16] = 0;
    exercise(&bytes);
    exercise(GOLDEN);
    exercise(&GOLDEN[44..]);
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        exercise(&bytes);
    }

    #[test]
    fn damaged_bodies_are_survived(
        place in 0..GOLDEN.len() - 44,
        value in any::<u8>(),
    ) {
        let mut body = GOLDEN[44..].to_vec();
        body[place] = value;
        exercise(&body);
        if body.len() > 69 {
            exercise(&body[69..]);
        }
    }
}
