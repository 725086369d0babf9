//! Whether and when a request is made once more.

use std::{fmt, num::NonZeroU32, sync::Arc, time::Duration};

use crate::error::BoxError;

/// What came of one attempt: the records for the input, or an error.
pub type Answer<U> = Result<Vec<U>, BoxError>;

/// Decides from an answer whether the request is made again.
type Predicate<U> = Arc<dyn Fn(&Answer<U>) -> bool + Send + Sync>;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Delay {
    Fixed(Duration),
    Exponential { first: Duration, max: Duration, factor: f64 },
}

/// How requests are repeated whose answers are errors, or what else is asked for. The operator's
/// timeout counts from the first attempt and ends them all.
pub struct RetryStrategy<U> {
    attempts: NonZeroU32,
    delay: Delay,
    repeats: Predicate<U>,
}

impl<U: 'static> RetryStrategy<U> {
    /// Each request is made once.
    pub fn none() -> Self {
        let (attempts, delay) = (NonZeroU32::MIN, Delay::Fixed(Duration::ZERO));
        Self { attempts, delay, repeats: Arc::new(|_| false) }
    }

    /// Requests that end with an error are made again, up to `attempts` times in all, each `delay`
    /// after the answer to the one before.
    pub fn fixed(attempts: NonZeroU32, delay: Duration) -> Self {
        Self { attempts, delay: Delay::Fixed(delay), repeats: Arc::new(Result::is_err) }
    }

    /// The same with delays that grow: `first`, then `factor` times the one before, at most `max`.
    ///
    /// # Panics
    /// If the factor is not a number of at least 1.
    pub fn exponential(
        attempts: NonZeroU32,
        (first, max): (Duration, Duration),
        factor: f64,
    ) -> Self {
        assert!(factor.is_finite() && factor >= 1.0, "delays that grow by a factor of {factor}");
        let delay = Delay::Exponential { first, max, factor };
        Self { attempts, delay, repeats: Arc::new(Result::is_err) }
    }

    /// Which answers have the request made again, in place of all errors and nothing else.
    #[must_use]
    pub fn when(mut self, repeats: impl Fn(&Answer<U>) -> bool + Send + Sync + 'static) -> Self {
        self.repeats = Arc::new(repeats);
        self
    }

    /// How long after this answer to attempt number `attempt`, from 1, the next one is made; `None`
    /// if the answer stands.
    pub(super) fn delay(&self, attempt: u32, answer: &Answer<U>) -> Option<Duration> {
        if attempt >= self.attempts.get() || !(self.repeats)(answer) {
            return None;
        }
        Some(match self.delay {
            Delay::Fixed(delay) => delay,
            Delay::Exponential { first, max, factor } => {
                let grown = first.as_secs_f64() * factor.powf(f64::from(attempt - 1));
                Duration::try_from_secs_f64(grown).unwrap_or(max).min(max)
            }
        })
    }
}

impl<U> Clone for RetryStrategy<U> {
    fn clone(&self) -> Self {
        let Self { attempts, delay, repeats } = self;
        Self { attempts: *attempts, delay: *delay, repeats: Arc::clone(repeats) }
    }
}

impl<U> fmt::Debug for RetryStrategy<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryStrategy")
            .field("attempts", &self.attempts)
            .field("delay", &self.delay)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
