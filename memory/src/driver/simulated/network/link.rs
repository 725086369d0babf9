//! How bytes get from one machine to another, and what goes wrong on their way.

use std::time::Duration;

use crate::driver::Instant64;
use crate::driver::simulated::PerMillion;
use crate::driver::simulated::random::Random;

/// What a retransmission takes longer: the least and the most of TCP's first ones.
const RETRANSMIT_MIN: Duration = Duration::from_millis(200);
const RETRANSMIT_MAX: Duration = Duration::from_secs(2);

/// One direction between two machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkOptions {
    /// What everything takes at least.
    pub delay: Duration,
    /// What it takes longer by chance, at most. Connections overtake each other by it; bytes of one
    /// connection never do.
    pub jitter: Duration,
    /// What goes through at most; none for no limit.
    pub bytes_per_second: Option<u64>,
}

impl Default for LinkOptions {
    /// A switch between two machines of a rack.
    fn default() -> LinkOptions {
        let (delay, jitter) = (Duration::from_micros(50), Duration::from_micros(50));
        LinkOptions { delay, jitter, bytes_per_second: None }
    }
}

/// Rates of what goes wrong on all links. The default is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkFaults {
    /// Packets that are lost once: what they carry, and all that follows on their connection, comes
    /// a retransmission later.
    pub stall: PerMillion,
    /// Receives that get a part of what is there, down to one byte.
    pub torn_receive: PerMillion,
    /// Packets that are cut to a few bytes.
    pub torn_send: PerMillion,
    /// Receives that are told of their bytes up to 100 ms late, as by a machine that does much else.
    pub slow_receive: PerMillion,
    /// Packets that break their connection: both ends are reset.
    pub reset: PerMillion,
}

#[derive(Debug)]
pub(super) struct Link {
    pub(super) options: LinkOptions,
    /// Nothing gets through, since then.
    pub(super) cut_since: Option<Instant64>,
    /// When what was sent so far will have left.
    free_at: Option<Instant64>,
}

impl Link {
    pub(super) fn new(options: LinkOptions) -> Link {
        Link { options, cut_since: None, free_at: None }
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut_since.is_some()
    }

    /// When `bytes` that leave at `now` will be there.
    pub(super) fn arrival(
        &mut self,
        now: Instant64,
        bytes: usize,
        random: &mut Random,
    ) -> Instant64 {
        let LinkOptions { delay, jitter, bytes_per_second } = self.options;
        let mut left = now;
        if let Some(rate) = bytes_per_second {
            let nanos = (bytes as u64).saturating_mul(1_000_000_000) / rate.max(1);
            let start = self.free_at.map_or(now, |free| free.max(now));
            left = start + Duration::from_nanos(nanos);
            self.free_at = Some(left);
        }
        let late =
            if jitter.is_zero() { Duration::ZERO } else { random.between(Duration::ZERO, jitter) };
        left + delay + late
    }
}

/// How much later what was lost comes.
pub(super) fn retransmission(random: &mut Random) -> Duration {
    random.between(RETRANSMIT_MIN, RETRANSMIT_MAX)
}
