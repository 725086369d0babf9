//! [`Image`]: what a snapshot holds of windows, piece by piece.
//!
//! A core gives images of all that it keeps and takes them back in any order but one: what is in the
//! windows of a key comes before its timers. Which core of how many takes an image back is of no
//! matter, as long as all images of a key go to the same one. What was due and had not fired is
//! among them, and fires when time comes as far again.
//!
//! Images may come from damaged or foreign bytes. One that can't belong to these windows is an error
//! ([`Unfit`]), and whatever passes leaves a core that keeps its invariants.

use super::TimeDomain;
use crate::{
    state::{StateError, table::FrozenEntries},
    time::Timestamp,
};

/// A piece of what is kept for a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Image<K, P> {
    /// The key.
    pub key: K,
    /// The piece.
    pub piece: P,
}

/// What is kept of windows `W`: contents `C`, what triggers remember `S`, results `O`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Piece<W, C, S = (), O = C> {
    /// What is in a window, or in one of the slices that windows share.
    Content {
        /// Its bounds.
        window: W,
        /// What is in it.
        content: C,
    },
    /// What a trigger remembers of a window.
    Trigger {
        /// The window.
        window: W,
        /// What it remembers.
        state: S,
    },
    /// Something is due.
    Timer {
        /// By which clock.
        domain: TimeDomain,
        /// When.
        time: Timestamp,
        /// For which window; for the key as a whole, where the core keeps its windows together.
        window: Option<W>,
    },
    /// A window has fired and its result waits to be taken.
    Result {
        /// Its place in line.
        place: u64,
        /// The window.
        window: W,
        /// The result.
        content: O,
    },
}

/// The images of cores that keep the windows of a key together.
pub type TimeImage<K, A> = Image<K, Piece<super::TimeWindow, A>>;

/// All that a core keeps, as it was at one moment.
#[derive(Debug)]
pub struct Kept<K, W, C, S = (), O = C> {
    /// Pieces that were copied.
    pub images: Vec<Image<K, Piece<W, C, S, O>>>,
    /// Contents of windows or slices whose segments are shared.
    pub tables: Vec<(W, FrozenEntries<K, C>)>,
    /// The times up to which windows had fired, each of keys with this hash and those behind it up to
    /// the next, or the end of the key group.
    pub reached: Vec<(u32, Timestamp)>,
}

/// What cores keep whose windows are in time.
pub type KeptTime<K, A> = Kept<K, super::TimeWindow, A>;

impl<K, W, C, S, O> Kept<K, W, C, S, O> {
    /// Pieces alone.
    pub fn of(images: Vec<Image<K, Piece<W, C, S, O>>>) -> Self {
        Self { images, tables: Vec::new(), reached: Vec::new() }
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty() && self.tables.is_empty()
    }
}

/// Why an image was not taken back.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// It is none of these windows'.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// There is no memory for it.
    #[error(transparent)]
    State(#[from] StateError),
}

/// An image is not one of these windows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("it has {0}")]
pub struct Unfit(pub &'static str);

impl Unfit {
    pub(super) const FOREIGN: Unfit = Unfit("pieces that windows of this kind don't have");
    pub(super) const NO_SLICE: Unfit =
        Unfit("a slice that windows of this size and slide don't have");
    pub(super) const TWICE: Unfit = Unfit("a window or a timer of a key twice");
}
