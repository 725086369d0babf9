//! A part that is a fraction of something, kept within two bounds: network memory and overhead.

use super::error::ModelError;
use super::figure::{Figure, place};
use crate::config::{ConfigError, ConfigOption, Configuration, Fraction, MemorySize};

/// The three options of such a part.
#[derive(Clone, Copy, Debug)]
pub(super) struct ShareOptions {
    /// The part's name, as errors print it.
    pub(super) what: &'static str,
    pub(super) fraction: ConfigOption<Fraction>,
    pub(super) min: ConfigOption<MemorySize>,
    pub(super) max: ConfigOption<MemorySize>,
}

/// Their values. Invariant: `min` is not above `max`.
#[derive(Clone, Debug)]
pub(super) struct Share {
    options: ShareOptions,
    fraction: Fraction,
    fraction_from: String,
    pub(super) min: Figure,
    pub(super) max: Figure,
}

/// A whole whose parts must fit into it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole<'a> {
    /// What it is called: its key when it was set.
    pub(super) name: &'static str,
    /// The key that makes it larger.
    pub(super) key: &'static str,
    pub(super) figure: &'a Figure,
}

impl Share {
    pub(super) fn read(
        config: &Configuration,
        options: ShareOptions,
    ) -> Result<Share, ConfigError> {
        let share = Share {
            options,
            fraction: config.get(&options.fraction)?,
            fraction_from: place(config, &options.fraction),
            min: Figure::of(config, &options.min)?,
            max: Figure::of(config, &options.max)?,
        };
        if share.min.size > share.max.size {
            return Err(ConfigError::Model(ModelError::BoundsCrossed {
                min_key: options.min.key(),
                min: share.min.size,
                max_key: options.max.key(),
                max: share.max.size,
            }));
        }
        Ok(share)
    }

    /// The share of a whole that contains it.
    pub(super) fn of_whole(&self, whole: MemorySize, name: &str) -> Figure {
        let Share { fraction, fraction_from, .. } = self;
        let how = format!("{fraction} ({fraction_from}) of {name}");
        self.bounded(whole.scale(fraction.widened()), how)
    }

    /// The share of a whole of which only the rest is known.
    pub(super) fn of_rest(&self, rest: MemorySize, name: &str) -> Figure {
        let Share { fraction, fraction_from, .. } = self;
        let how = format!("{fraction} ({fraction_from}) of the sum of itself and {name}");
        let widened = fraction.widened();
        self.bounded(rest.scale(widened / (1.0 - widened)), how)
    }

    fn bounded(&self, size: MemorySize, how: String) -> Figure {
        if size < self.min.size {
            let (key, from) = (self.options.min.key(), &self.min.how);
            return Figure::derived(self.min.size, format!("{how}, raised to {key} ({from})"));
        }
        if size > self.max.size {
            let (key, from) = (self.options.max.key(), &self.max.how);
            return Figure::derived(self.max.size, format!("{how}, lowered to {key} ({from})"));
        }
        Figure::derived(size, how)
    }

    /// Refuses a size outside of the bounds: one that did not come from the fraction.
    pub(super) fn check(&self, size: MemorySize, whole: Whole<'_>) -> Result<(), ModelError> {
        if (self.min.size..=self.max.size).contains(&size) {
            return Ok(());
        }
        Err(ModelError::OutOfRange {
            what: self.options.what,
            size,
            whole: whole.name,
            key: whole.key,
            total: whole.figure.size,
            min_key: self.options.min.key(),
            min: self.min.size,
            max_key: self.options.max.key(),
            max: self.max.size,
        })
    }
}
