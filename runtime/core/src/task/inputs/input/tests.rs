use super::*;
use brisk_network::ReadyList;

fn input(channels: usize) -> Input {
    let gate = InputGate::new(channels, ReadyList::new().signal(0));
    Input::new(Rc::new(RefCell::new(gate)), 0)
}

/// The times with which the channels of subtask `own` of `now` begin.
fn restored(
    all: &[TimeOfInput],
    (then, running): (u32, &[u32]),
    (own, now): (u32, u32),
) -> Vec<i64> {
    let input = input(2);
    let running: Vec<SubtaskIndex> = running.iter().copied().map(SubtaskIndex).collect();
    input.restore_time(all, (then, &running), (own, now));
    input.time(own).channels.into_iter().map(|(time, _)| time).collect()
}

#[test]
fn who_had_no_time_begins_without_and_all_others_where_they_were() {
    const MIN: i64 = Watermark::MIN.0.millis();
    let first = TimeOfInput { subtask: 0, channels: vec![(100, false), (120, false)] };
    let last = TimeOfInput { subtask: 2, channels: vec![(90, false), (80, true)] };
    let all = [first, last];
    let three = (3, &[0, 1, 2][..]);
    assert_eq!(restored(&all, three, (0, 3)), [100, 120]);
    assert_eq!(restored(&all, three, (1, 3)), [MIN, MIN], "what waits for it is not late");
    assert_eq!(restored(&all, three, (2, 3)), [90, 80]);
    for own in 0..2 {
        assert_eq!(restored(&all, three, (own, 2)), [MIN, MIN], "it may get what waited for 1");
    }
    let two_ran = (3, &[0, 2][..]);
    assert_eq!(restored(&all, two_ran, (0, 3)), [100, 120]);
    assert_eq!(
        restored(&all, two_ran, (1, 2)),
        [90, 90],
        "for 1, which had finished, nothing waits"
    );
    assert_eq!(restored(&[], three, (0, 3)), [MIN, MIN]);
}
