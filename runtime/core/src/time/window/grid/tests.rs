use proptest::prelude::*;

use super::*;
use crate::time::window::Window;

fn grid(size: u64, slide: u64, offset: i64) -> SliceGrid {
    SliceGrid::new(Duration::from_millis(size), Duration::from_millis(slide), offset)
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

#[test]
fn tumbling_windows_are_slices() {
    let grid = grid(10, 10, 0);
    assert_eq!(grid.slices_per_window(), 1);
    for (millis, number) in [(0, 0), (9, 0), (10, 1), (-1, -1), (-10, -1), (-11, -2)] {
        let slice = grid.slice_of(at(millis));
        assert_eq!(slice, SliceNumber(number), "of {millis}");
        let window = WindowNumber(number);
        assert_eq!(grid.windows_of(slice), Some((window, window)));
        assert_eq!(grid.slices_of(window), (slice, slice));
    }
}

#[test]
fn slices_of_a_size_that_is_no_multiple() {
    let grid = grid(5, 2, 0);
    assert_eq!(grid.slices_per_window(), 5);
    assert_eq!(grid.slices_of(WindowNumber(1)), (SliceNumber(2), SliceNumber(6)));
    let windows = grid.windows_of(SliceNumber(4));
    assert_eq!(windows, Some((WindowNumber(0), WindowNumber(2))));
    let windows = grid.windows_of(SliceNumber(5));
    assert_eq!(windows, Some((WindowNumber(1), WindowNumber(2))));
}

#[test]
fn times_between_windows_are_in_none() {
    let grid = grid(3, 10, 1);
    assert!(grid.windows_of(grid.slice_of(at(1))).is_some());
    assert!(grid.windows_of(grid.slice_of(at(3))).is_some());
    assert_eq!(grid.windows_of(grid.slice_of(at(4))), None);
    assert_eq!(grid.windows_of(grid.slice_of(at(0))), None);
}

#[test]
#[should_panic(expected = "an offset of 10 ms is not shorter than the slide of 10 ms")]
fn an_offset_is_shorter_than_the_slide() {
    grid(10, 10, 10);
}

#[test]
fn the_ends_of_time_do_not_panic() {
    for grid in [grid(10, 10, 3), grid(10, 3, -2), grid(1, 1, 0), grid(3, 10, 9)] {
        for time in [Timestamp::MIN, at(i64::MIN + 1), at(i64::MAX - 1), Timestamp::MAX] {
            let slice = grid.slice_of(time);
            grid.slice_bounds(slice);
            if let Some((first, last)) = grid.windows_of(slice) {
                assert!(first <= last);
                assert!(grid.max_timestamp(first) <= grid.max_timestamp(last));
                grid.slices_of(first);
            }
            grid.first_ending_after(time);
            grid.ending_at(time);
        }
    }
}

proptest! {
    /// Against windows that are assigned as Flink's `SlidingEventTimeWindows` does.
    #[test]
    fn like_windows_one_by_one(
        size in 1_i64..40,
        slide in 1_i64..20,
        offset in -19_i64..20,
        time in -200_i64..200,
    ) {
        prop_assume!(offset.abs() < slide);
        let grid = grid(size as u64, slide as u64, offset);
        let mut starts = Vec::new();
        let mut start = time - (time - offset).rem_euclid(slide);
        while start > time - size {
            starts.push(start);
            start -= slide;
        }
        let slice = grid.slice_of(at(time));
        let (from, to) = grid.slice_bounds(slice);
        prop_assert!(from <= at(time) && at(time) < to);
        prop_assert_eq!(grid.slice_of(from), slice);
        prop_assert_eq!(grid.slice_of(to), SliceNumber(slice.0 + 1));
        let windows: Vec<_> = grid
            .windows_of(slice)
            .into_iter()
            .flat_map(|(first, last)| (first.0..=last.0).rev())
            .map(|number| grid.window(WindowNumber(number)))
            .collect();
        let expected: Vec<_> =
            starts.iter().map(|start| TimeWindow::new(at(*start), at(start + size))).collect();
        prop_assert_eq!(windows, expected);
    }

    #[test]
    fn windows_end_where_they_are_found(
        size in 1_i64..40,
        slide in 1_i64..20,
        time in -200_i64..200,
        number in -50_i64..50,
    ) {
        let grid = grid(size as u64, slide as u64, 0);
        let number = WindowNumber(number);
        let last = grid.max_timestamp(number);
        prop_assert_eq!(grid.window(number).max_timestamp(), last);
        prop_assert_eq!(grid.ending_at(last), Some(number));
        let after = grid.first_ending_after(at(time));
        prop_assert!(grid.max_timestamp(after) > at(time));
        prop_assert!(grid.max_timestamp(WindowNumber(after.0 - 1)) <= at(time));
        let (first, last) = grid.slices_of(number);
        prop_assert_eq!(grid.slice_bounds(first).0, grid.window(number).start());
        prop_assert_eq!(grid.slice_bounds(last).1, grid.window(number).end());
    }
}
