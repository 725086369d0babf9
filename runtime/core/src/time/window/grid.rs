//! [`SliceGrid`]: tumbling and sliding windows, cut into slices that they share.
//!
//! A slice lies between two neighbouring bounds of windows, so a record is in exactly one slice and
//! a window is a run of whole slices. Starts of windows are `slide` apart, and so are ends: when
//! `size` is a multiple of `slide` they coincide, and there is one slice for each slide; otherwise
//! each slide is cut once more, where a window ends:
//!
//! ```text
//!   size 5, slide 2:    |-------- 0 --------|
//!                             |-------- 1 --------|
//!   time                0     1     2     3     4     5     6     7
//!   slices              |  0  |  1  |  2  |  3  |  4  |  5  |  6  |     window w: 2w ..= 2w + 4
//! ```
//!
//! These are the fewest slices there can be: the greatest common divisor of size and slide cuts as
//! often or more (with 10 s by 3 s, ten slices a window instead of seven).
//!
//! Windows are numbered by their start, `offset + number * slide`; numbers may be negative.

use std::{fmt, time::Duration};

use super::TimeWindow;
use crate::time::{Timestamp, timestamp::millis_of};

#[cfg(test)]
mod tests;

/// Which of the windows of a grid.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct WindowNumber(pub i64);

/// Which of the slices of a grid.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SliceNumber(pub i64);

/// Windows of one size, one slide apart. All in milliseconds; saturates at the ends of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SliceGrid {
    size: i64,
    slide: i64,
    offset: i64,
    /// `size / slide` and `size % slide`.
    quotient: i64,
    rest: i64,
}

/// Size, slide and offset in words.
impl fmt::Display for SliceGrid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, slide, offset, .. } = self;
        write!(f, "slices of windows of {size} ms by {slide} ms, moved by {offset} ms")
    }
}

impl SliceGrid {
    /// Windows of `size`, `slide` apart, moved by `offset` milliseconds.
    ///
    /// # Panics
    /// If size or slide is shorter than a millisecond, or the offset is not shorter than the slide.
    pub fn new(size: Duration, slide: Duration, offset_ms: i64) -> Self {
        let (size, slide) = (millis_of(size), millis_of(slide));
        assert!(size > 0, "a window must be at least 1 ms long");
        assert!(slide > 0, "windows must be at least 1 ms apart");
        assert!(
            offset_ms.unsigned_abs() < slide.unsigned_abs(),
            "an offset of {offset_ms} ms is not shorter than the slide of {slide} ms"
        );
        let (quotient, rest) = (size / slide, size % slide);
        Self { size, slide, offset: offset_ms, quotient, rest }
    }

    /// Slices that a window consists of.
    pub fn slices_per_window(&self) -> i64 {
        if self.rest == 0 { self.quotient } else { self.quotient * 2 + 1 }
    }

    /// The number of the last window that starts at `timestamp` or before.
    fn last_start(&self, timestamp: Timestamp) -> i64 {
        timestamp.millis().saturating_sub(self.offset).div_euclid(self.slide)
    }

    /// The slice that a time lies in.
    pub fn slice_of(&self, timestamp: Timestamp) -> SliceNumber {
        let slide = self.last_start(timestamp);
        if self.rest == 0 {
            return SliceNumber(slide);
        }
        let within = timestamp.millis().saturating_sub(self.offset).rem_euclid(self.slide);
        SliceNumber(slide * 2 + i64::from(within >= self.rest))
    }

    /// The times of a slice, from the first to before the second.
    pub fn slice_bounds(&self, SliceNumber(slice): SliceNumber) -> (Timestamp, Timestamp) {
        if self.rest == 0 {
            return (self.start_of(slice), self.start_of(slice.saturating_add(1)));
        }
        let (slide, is_second) = (slice.div_euclid(2), slice.rem_euclid(2) == 1);
        let cut = self.start_of(slide).plus_millis(self.rest);
        if is_second {
            (cut, self.start_of(slide.saturating_add(1)))
        } else {
            (self.start_of(slide), cut)
        }
    }

    /// The first and the last window that a slice belongs to; none if it lies between windows.
    pub fn windows_of(&self, slice: SliceNumber) -> Option<(WindowNumber, WindowNumber)> {
        let SliceNumber(slice) = slice;
        let (last, back) = if self.rest == 0 {
            (slice, self.quotient - 1)
        } else {
            // The second slice of a slide begins where a window ends.
            (slice.div_euclid(2), self.quotient - slice.rem_euclid(2))
        };
        (back >= 0).then(|| (WindowNumber(last.saturating_sub(back)), WindowNumber(last)))
    }

    /// The first and the last slice of a window.
    pub fn slices_of(&self, WindowNumber(window): WindowNumber) -> (SliceNumber, SliceNumber) {
        let count = self.slices_per_window();
        let first = if self.rest == 0 { window } else { window.saturating_mul(2) };
        (SliceNumber(first), SliceNumber(first.saturating_add(count - 1)))
    }

    fn start_of(&self, window: i64) -> Timestamp {
        Timestamp::from_millis(window.saturating_mul(self.slide)).plus_millis(self.offset)
    }

    /// The window itself.
    pub fn window(&self, WindowNumber(window): WindowNumber) -> TimeWindow {
        let start = self.start_of(window);
        TimeWindow::new(start, start.plus_millis(self.size))
    }

    /// The last time of a window.
    pub fn max_timestamp(&self, WindowNumber(window): WindowNumber) -> Timestamp {
        self.start_of(window).plus_millis(self.size).plus_millis(-1)
    }

    /// The first window whose last time is after `timestamp`.
    pub fn first_ending_after(&self, timestamp: Timestamp) -> WindowNumber {
        // max_timestamp(n) > t  <=>  n * slide + offset > t + 1 - size
        let start = timestamp.plus_millis(1).plus_millis(-self.size);
        WindowNumber(self.last_start(start).saturating_add(1))
    }

    /// The window whose last time is `timestamp`.
    pub fn ending_at(&self, timestamp: Timestamp) -> Option<WindowNumber> {
        let WindowNumber(after) = self.first_ending_after(timestamp);
        let at = WindowNumber(after.saturating_sub(1));
        (self.max_timestamp(at) == timestamp).then_some(at)
    }
}
