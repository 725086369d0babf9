//! Numbers and times of checkpoints.

use std::ops::{Add, Sub};
use std::time::Duration;

pub use brisk_network::barrier::CheckpointId;

/// Milliseconds since the Unix epoch, on a clock that never goes back: whoever carries out actions
/// reads the wall clock once and goes on from there by the driver's clock.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Millis(pub u64);

impl Millis {
    /// From `earlier` to `self`; zero when `earlier` is later.
    pub fn saturating_since(self, earlier: Millis) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Saturates at the end of time.
impl Add<Duration> for Millis {
    type Output = Millis;

    fn add(self, time: Duration) -> Millis {
        Millis(self.0.saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// Saturates at the epoch.
impl Sub<Duration> for Millis {
    type Output = Millis;

    fn sub(self, time: Duration) -> Millis {
        Millis(self.0.saturating_sub(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)))
    }
}
