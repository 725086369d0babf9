//! What windows give: results that are taken one by one, so that they wait for room downstream.

use super::TimeWindow;

/// What a core did with a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Fed<T> {
    /// It is in its windows; results wait if [`Fed::Taken::0`] is true, because it was late for
    /// some that still take records.
    Taken(Fires),
    /// All its windows are gone.
    Late(T),
    /// It lies between windows.
    Outside,
}

/// Whether there are results to take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fires {
    /// None by this record.
    Nothing,
    /// Some.
    Results,
}

/// A window's content as it was when it fired.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fired<K, W, A> {
    /// Whose.
    pub key: K,
    /// Which; the result's timestamp is the window's last.
    pub window: W,
    /// What it held.
    pub content: A,
}

/// What [`Fired`] is for windows in time.
pub type FiredTime<K, A> = Fired<K, TimeWindow, A>;
