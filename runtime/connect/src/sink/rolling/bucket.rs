//! Which folder a record goes to.

use std::fmt::Write;

use brisk_core::time::Timestamp;

/// What an assigner may go by beside the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketContext {
    /// The clock, as of the beginning of the drive.
    pub processing_time: Timestamp,
    /// The record's event time, if it has one.
    pub timestamp: Option<Timestamp>,
}

/// Says which bucket a record goes to: a path below the sink's folder.
pub trait BucketAssigner<T>: Clone + Send + 'static {
    /// Appends the bucket's name to `bucket`, which is empty: names of folders with `/` between them,
    /// or nothing for the sink's folder itself.
    fn bucket(&mut self, record: &T, context: &BucketContext, bucket: &mut String);
}

/// All records in the sink's folder.
#[derive(Debug, Clone, Copy, Default)]
pub struct OneBucket;

impl<T> BucketAssigner<T> for OneBucket {
    #[inline]
    fn bucket(&mut self, _record: &T, _context: &BucketContext, _bucket: &mut String) {}
}

/// Buckets as a function says.
#[derive(Debug, Clone, Copy)]
pub struct BucketBy<F>(pub F);

impl<T, F> BucketAssigner<T> for BucketBy<F>
where
    F: FnMut(&T, &BucketContext, &mut String) + Clone + Send + 'static,
{
    #[inline]
    fn bucket(&mut self, record: &T, context: &BucketContext, bucket: &mut String) {
        (self.0)(record, context, bucket);
    }
}

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A bucket for each day, hour or minute of processing time, in UTC: `2026-07-09`, `2026-07-09--14`
/// (as in Flink) or `2026-07-09--14-05`.
#[derive(Debug, Clone)]
pub struct DateTimeBuckets {
    period_ms: i64,
    /// The period that `name` is of.
    period: Option<i64>,
    name: String,
}

impl DateTimeBuckets {
    fn every(period_ms: i64) -> DateTimeBuckets {
        DateTimeBuckets { period_ms, period: None, name: String::new() }
    }

    /// A bucket for each day.
    pub fn daily() -> DateTimeBuckets {
        DateTimeBuckets::every(DAY_MS)
    }

    /// A bucket for each hour.
    pub fn hourly() -> DateTimeBuckets {
        DateTimeBuckets::every(HOUR_MS)
    }

    /// A bucket for each minute.
    pub fn minutely() -> DateTimeBuckets {
        DateTimeBuckets::every(MINUTE_MS)
    }

    fn rename(&mut self, millis: i64) {
        let (year, month, day) = date_of(millis.div_euclid(DAY_MS));
        let (hour, minute) =
            (millis.rem_euclid(DAY_MS) / HOUR_MS, millis.rem_euclid(HOUR_MS) / MINUTE_MS);
        self.name.clear();
        let written = match self.period_ms {
            DAY_MS => write!(self.name, "{year:04}-{month:02}-{day:02}"),
            HOUR_MS => write!(self.name, "{year:04}-{month:02}-{day:02}--{hour:02}"),
            _ => write!(self.name, "{year:04}-{month:02}-{day:02}--{hour:02}-{minute:02}"),
        };
        written.expect("writing to memory does not fail");
    }
}

impl<T> BucketAssigner<T> for DateTimeBuckets {
    #[inline]
    fn bucket(&mut self, _record: &T, context: &BucketContext, bucket: &mut String) {
        let millis = context.processing_time.millis();
        let period = millis.div_euclid(self.period_ms);
        if self.period != Some(period) {
            self.period = Some(period);
            self.rename(millis);
        }
        bucket.push_str(&self.name);
    }
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar. The year is taken
/// to begin in March, so that the leap day is its last (Howard Hinnant, "chrono-compatible low-level
/// date algorithms").
fn date_of(day: i64) -> (i64, i64, i64) {
    const DAYS_PER_ERA: i64 = 146_097;
    let from_era_start = day + 719_468;
    let era = from_era_start.div_euclid(DAYS_PER_ERA);
    let day_of_era = from_era_start.rem_euclid(DAYS_PER_ERA);
    let leap_days = day_of_era / 1460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day_of_month)
}

#[cfg(test)]
mod tests;
