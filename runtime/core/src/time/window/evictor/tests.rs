use super::*;
use crate::time::window::GlobalWindow;

/// Records are numbers, and their timestamps are ten times themselves.
fn check<E: Evictor<i64, GlobalWindow>>(evictor: &E, before: &[i64], expected: [&[i64]; 2]) {
    let all = before.iter().map(|value| {
        let timestamp = Some(Timestamp::from_millis(value * 10));
        TimestampedValue { value: *value, timestamp }
    });
    let mut elements: Vec<_> = all.collect();
    evictor.evict_before(&mut elements, &GlobalWindow);
    let values: Vec<_> = elements.iter().map(|element| element.value).collect();
    assert_eq!(values, expected[0], "before");
    evictor.evict_after(&mut elements, &GlobalWindow);
    let values: Vec<_> = elements.iter().map(|element| element.value).collect();
    assert_eq!(values, expected[1], "after");
}

#[test]
fn by_count() {
    check(&CountEvictor::of(2), &[1, 2, 3], [&[2, 3], &[2, 3]]);
    check(&CountEvictor::of(2), &[1], [&[1], &[1]]);
    check(&CountEvictor::of(2).after(), &[1, 2, 3], [&[1, 2, 3], &[2, 3]]);
}

#[test]
fn by_time() {
    let evictor = TimeEvictor::of(Duration::from_millis(20));
    check(&evictor, &[5, 3, 4, 1], [&[5, 4], &[5, 4]]);
    check(&evictor.after(), &[5, 3, 4], [&[5, 3, 4], &[5, 4]]);
    check(&evictor, &[], [&[], &[]]);
    let mut timeless = vec![TimestampedValue { value: 1, timestamp: None }];
    evictor.evict_before(&mut timeless, &GlobalWindow);
    assert_eq!(timeless.len(), 1);
}

#[test]
fn by_delta() {
    let evictor = DeltaEvictor::of(2.0, |a: &i64, b: &i64| a.abs_diff(*b) as f64);
    check(&evictor, &[1, 5, 8, 4], [&[5, 4], &[5, 4]]);
    check(&evictor.after(), &[1, 5, 4], [&[1, 5, 4], &[5, 4]]);
    check(&evictor, &[], [&[], &[]]);
}
