use std::num::NonZeroU32;

use super::*;

fn part(bucket: &str, number: u32, bytes: u64) -> PartFile {
    PartFile { bucket: bucket.into(), subtask: 0, number, run: "r".into(), bytes }
}

fn checkpoints(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

/// What is due, as `+` and the number of a part that appears, or numbers that are merged.
fn due(waiting: &mut Waiting, closed: Vec<PartFile>) -> Vec<String> {
    let number = |part: &PartFile| part.number.to_string();
    let text = |due: &Due| match due {
        Due::Show(part) => format!("+{}", part.number),
        Due::Merge(parts) => parts.iter().map(number).collect::<Vec<_>>().join(" "),
    };
    let mut due: Vec<String> = waiting.barrier(closed).iter().map(text).collect();
    due.sort_unstable();
    due
}

#[test]
fn parts_wait_until_they_have_a_size_together() {
    let mut waiting = Waiting::new(Some(CompactionStrategy::at_bytes(100)));
    let nothing: [&str; 0] = [];
    assert_eq!(due(&mut waiting, vec![part("a", 1, 40), part("b", 2, 99)]), nothing);
    assert_eq!(due(&mut waiting, vec![part("a", 3, 59), part("c", 4, 100)]), ["+4"]);
    assert_eq!(due(&mut waiting, Vec::new()), nothing);
    assert_eq!(due(&mut waiting, vec![part("a", 5, 1), part("b", 6, 1)]), ["1 3 5", "2 6"]);
    assert_eq!(waiting.parts(), []);
    assert_eq!(due(&mut waiting, vec![part("a", 7, 1), part("b", 8, 1), part("a", 9, 1)]), nothing);
    waiting.input_ended();
    assert_eq!(due(&mut waiting, vec![part("d", 10, 1)]), ["+10", "+8", "7 9"]);
    assert_eq!(waiting.parts(), []);
}

#[test]
fn parts_wait_for_so_many_checkpoints() {
    let mut waiting = Waiting::new(Some(CompactionStrategy::at_checkpoints(checkpoints(3))));
    let nothing: [&str; 0] = [];
    assert_eq!(due(&mut waiting, vec![part("a", 1, 1 << 40)]), nothing);
    assert_eq!(due(&mut waiting, vec![part("a", 2, 1), part("b", 3, 1)]), nothing);
    assert_eq!(due(&mut waiting, vec![part("a", 4, 1)]), ["1 2 4"]);
    assert_eq!(due(&mut waiting, Vec::new()), ["+3"]);

    let every = CompactionStrategy::at_bytes(10).or_at_checkpoints(checkpoints(1));
    let mut waiting = Waiting::new(Some(every));
    assert_eq!(
        due(&mut waiting, vec![part("a", 1, 1), part("a", 2, 11), part("a", 3, 1)]),
        ["+2", "1 3"]
    );
}

#[test]
fn nothing_waits_without_a_strategy() {
    let mut waiting = Waiting::new(None);
    assert_eq!(due(&mut waiting, vec![part("a", 1, 1)]), ["+1"]);
    waiting.push(WaitingPart { part: part("a", 2, 1), checkpoints: 1 });
    assert_eq!(due(&mut waiting, vec![part("a", 3, 1)]), ["+2", "+3"]);
    assert_eq!(waiting.parts(), []);
}

#[test]
fn as_many_as_may_wait() {
    let mut waiting = Waiting::new(Some(CompactionStrategy::at_bytes(1 << 40)));
    let many = (0..WAITING_PARTS_MAX as u32 + 1).map(|number| part("", number, 1)).collect();
    assert_eq!(due(&mut waiting, many).len(), 1);
    assert_eq!(waiting.parts().len(), 1);
}
