//! [`Instant64`]: a point in time as one word.

use std::fmt;
use std::ops::Add;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds of the monotonic clock (virtual in a simulation). All drivers of a process share
/// one origin, so their instants compare; the origin itself means nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant64(u64);

impl Instant64 {
    /// The instant `nanos` nanoseconds after the clock's origin.
    pub const fn from_nanos(nanos: u64) -> Instant64 {
        Instant64(nanos)
    }

    /// Nanoseconds since the clock's origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Time from `earlier` to `self`; zero when `earlier` is later.
    pub const fn saturating_since(self, earlier: Instant64) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The system's monotonic clock.
    pub(crate) fn monotonic() -> Instant64 {
        let now = clock_gettime(ClockId::Monotonic);
        let seconds = u64::try_from(now.tv_sec).expect("the monotonic clock starts at zero");
        let nanos = u64::try_from(now.tv_nsec).expect("nanoseconds are not negative");
        Instant64(seconds * 1_000_000_000 + nanos)
    }
}

/// Milliseconds since 1970 by the system's wall clock, which may jump; negative before.
pub(crate) fn wall_millis() -> i64 {
    let now = clock_gettime(ClockId::Realtime);
    now.tv_sec * 1_000 + now.tv_nsec / 1_000_000
}

/// What a simulation's wall clock shows when its monotonic clock is at its origin: 2023-11-14.
const SIMULATED_ORIGIN_MS: i64 = 1_700_000_000_000;

/// Milliseconds since 1970 by the wall clock of a simulation whose monotonic clock is at `now`.
pub(crate) fn simulated_wall_millis(now: Instant64) -> i64 {
    let passed = i64::try_from(now.as_nanos() / 1_000_000).expect("2^64 ns are less than 2^63 ms");
    SIMULATED_ORIGIN_MS + passed
}

/// Saturates at the end of time (584 years after the origin).
impl Add<Duration> for Instant64 {
    type Output = Instant64;

    fn add(self, time: Duration) -> Instant64 {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Instant64(self.0.saturating_add(nanos))
    }
}

impl fmt::Debug for Instant64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}s", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}
