use super::*;

fn check(timestamp: Timestamp, expected: i64) {
    assert_eq!(timestamp.millis(), expected);
}

#[test]
fn arithmetic_saturates() {
    let second = Duration::from_secs(1);
    check(Timestamp::from_millis(5) + second, 1_005);
    check(Timestamp::from_millis(5) - second, -995);
    check(Timestamp::MAX + second, i64::MAX);
    check(Timestamp::MIN - second, i64::MIN);
    check(Timestamp::MIN + Duration::MAX, -1);
    check(Timestamp::MIN.plus_millis(-1), i64::MIN);
}

#[test]
fn durations_are_rounded_up() {
    assert_eq!(millis_of(Duration::from_nanos(1)), 1);
    assert_eq!(millis_of(Duration::from_millis(7)), 7);
    assert_eq!(millis_of(Duration::MAX), i64::MAX);
}

#[test]
fn time_between() {
    let (early, late) = (Timestamp::from_millis(-3), Timestamp::from_millis(4));
    assert_eq!(late.saturating_since(early), Duration::from_millis(7));
    assert_eq!(early.saturating_since(late), Duration::ZERO);
    assert_eq!(Timestamp::MAX.saturating_since(Timestamp::MIN), Duration::from_millis(u64::MAX));
}
