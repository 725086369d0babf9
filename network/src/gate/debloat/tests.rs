use proptest::prelude::*;

use super::*;

/// Flink's defaults.
fn options() -> DebloatOptions {
    DebloatOptions {
        target: Duration::from_secs(1),
        period: Duration::from_millis(200),
        samples: 20,
        threshold_percent: 25,
        least: 256,
        start: 1024,
    }
}

const SEGMENT: u32 = 32 * 1024;

/// So many periods of 200 ms, in each of which the reader was busy and read so much.
fn run(
    mut debloater: Debloater,
    periods: usize,
    bytes: u64,
    buffers: u32,
) -> (Debloater, Vec<u32>) {
    let mut announced = Vec::new();
    for _ in 0..periods {
        let active = Duration::from_millis(200);
        let (next, news) = debloater.step(Observed { bytes, active, buffers });
        announced.extend(news);
        debloater = next;
    }
    (debloater, announced)
}

/// In the end, what is in flight takes the target time.
fn check(start: u32, (bytes, buffers): (u64, u32), expected: std::ops::RangeInclusive<u32>) {
    let debloater = Debloater::new(DebloatOptions { start, ..options() }, SEGMENT);
    let (debloater, _) = run(debloater, 300, bytes, buffers);
    let size = debloater.size();
    assert!(expected.contains(&size), "{size} for {bytes} bytes over {buffers} buffers");
}

#[test]
fn recorded_cases() {
    // 100 kB a second over 24 buffers: never more than 4.2 kB each.
    check(1024, (20_000, 24), 2300..=3130);
    check(SEGMENT, (20_000, 24), 3120..=4170);
    // As fast as it gets: whole segments.
    check(1024, (200_000_000, 24), SEGMENT..=SEGMENT);
    // Next to nothing: the least.
    check(1024, (10, 24), 256..=256);
    // A start beyond the bounds is at a bound.
    check(10 << 20, (200_000_000, 1), SEGMENT..=SEGMENT);
}

#[test]
fn a_burst_does_not_take_it_from_bound_to_bound() {
    let debloater = Debloater::new(options(), SEGMENT);
    let (debloater, announced) = run(debloater, 1, 1 << 30, 1);
    assert_eq!((debloater.size(), announced), (1024, vec![]), "a tenth more is not announced");
    let (_, announced) = run(debloater, 40, 1 << 30, 1);
    let growing = announced.is_sorted() && announced.windows(2).all(|two| two[1] <= 2 * two[0]);
    assert!(growing && announced.len() > 8, "{announced:?}");
}

#[test]
fn nothing_is_learned_from_waiting() {
    let debloater = Debloater::new(options(), SEGMENT);
    let idle = Observed { bytes: 0, active: Duration::ZERO, buffers: 0 };
    assert_eq!(debloater.step(idle), (debloater, None));
}

#[test]
fn small_changes_are_not_announced() {
    let settled = run(Debloater::new(options(), SEGMENT), 300, 20_000, 24).0;
    let (_, announced) = run(settled, 300, 22_000, 24);
    assert!(announced.len() <= 1, "a tenth more: {announced:?}");
}

proptest! {
    #[test]
    fn a_size_is_between_its_bounds(
        steps in prop::collection::vec((any::<u32>(), 0u64..1000, 0u32..100), 0..200),
        start in any::<u32>(),
    ) {
        let mut debloater = Debloater::new(DebloatOptions { start, ..options() }, SEGMENT);
        for (bytes, millis, buffers) in steps {
            let active = Duration::from_millis(millis);
            let (next, news) =
                debloater.step(Observed { bytes: bytes.into(), active, buffers });
            prop_assert!((256..=SEGMENT).contains(&next.size()));
            prop_assert_eq!(news.is_some(), next.size() != debloater.size());
            debloater = next;
        }
    }
}
