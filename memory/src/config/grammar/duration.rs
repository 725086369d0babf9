//! Durations: a number with a unit, a bare number of milliseconds, or ISO-8601.

use std::time::Duration;

use super::{ConfigValue, Refused};

const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// The longest duration: what fits 63 bits of milliseconds, as in Flink.
const NANOS_MAX: u128 = (i64::MAX as u128) * 1_000_000;

/// Unit names in lower case, with their length in nanoseconds. A name of three letters or more may
/// also end in `s`.
const UNITS: [(&str, u128); 18] = [
    ("ns", 1),
    ("nano", 1),
    ("nanosecond", 1),
    ("µs", 1_000),
    ("us", 1_000),
    ("micro", 1_000),
    ("microsecond", 1_000),
    ("ms", 1_000_000),
    ("milli", 1_000_000),
    ("millisecond", 1_000_000),
    ("s", NANOS_PER_SECOND),
    ("sec", NANOS_PER_SECOND),
    ("second", NANOS_PER_SECOND),
    ("m", 60 * NANOS_PER_SECOND),
    ("min", 60 * NANOS_PER_SECOND),
    ("minute", 60 * NANOS_PER_SECOND),
    ("h", 3_600 * NANOS_PER_SECOND),
    ("hour", 3_600 * NANOS_PER_SECOND),
];

const NANOS_PER_DAY: u128 = 86_400 * NANOS_PER_SECOND;

/// The units of the ISO-8601 form, in the order they must come in: letter, nanoseconds, and whether
/// it follows the `T`.
const ISO_UNITS: [(char, u128, bool); 4] = [
    ('d', NANOS_PER_DAY, false),
    ('h', 3_600 * NANOS_PER_SECOND, true),
    ('m', 60 * NANOS_PER_SECOND, true),
    ('s', NANOS_PER_SECOND, true),
];

impl ConfigValue for Duration {
    fn type_name() -> String {
        "Duration".to_owned()
    }

    fn accepted() -> String {
        "a whole number with a unit ns, us, ms, s, min, h or d, such as 10 s, a bare number of \
         milliseconds, or ISO-8601 such as PT10S"
            .to_owned()
    }

    fn parse_value(text: &str) -> Result<Duration, Refused> {
        let text = text.trim();
        if text.starts_with(['P', 'p']) {
            return parse_iso(&text[1..]);
        }
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, unit) = text.split_at(end);
        if digits.is_empty() {
            return Err(Refused::because("it does not start with a digit"));
        }
        let unit = unit.trim();
        let nanos = match unit {
            "" => 1_000_000,
            unit => nanos_of(&unit.to_lowercase())
                .ok_or_else(|| Refused::because(format!("'{unit}' is not a unit of time")))?,
        };
        whole(digits)
            .and_then(|count| count.checked_mul(nanos))
            .and_then(from_nanos)
            .ok_or_else(too_long)
    }
}

fn too_long() -> Refused {
    Refused::because("it is longer than 9223372036854775807 ms")
}

/// Reads digits only; `None` means that the number is too large to matter.
fn whole(digits: &str) -> Option<u128> {
    digits.parse::<u64>().ok().map(u128::from)
}

fn nanos_of(unit: &str) -> Option<u128> {
    if matches!(unit, "d" | "day" | "days") {
        return Some(NANOS_PER_DAY);
    }
    let singular = unit.strip_suffix('s').filter(|name| name.len() >= 3);
    UNITS.iter().find(|&&(name, _)| name == unit || Some(name) == singular).map(|&(_, nanos)| nanos)
}

fn from_nanos(nanos: u128) -> Option<Duration> {
    if nanos > NANOS_MAX {
        return None;
    }
    let seconds = u64::try_from(nanos / NANOS_PER_SECOND).ok()?;
    let rest = u32::try_from(nanos % NANOS_PER_SECOND).ok()?;
    Some(Duration::new(seconds, rest))
}

/// `text` is what follows the `P`: `1DT2H3M4.5S`, each part optional, at least one present.
fn parse_iso(text: &str) -> Result<Duration, Refused> {
    let malformed = || Refused::because("it is not of the ISO-8601 form P1DT2H3M4.5S");
    let text = text.to_ascii_lowercase();
    let mut rest = text.as_str();
    let mut total = 0u128;
    let mut after_t = false;
    let mut next_unit = 0;
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix('t') {
            if after_t || time.is_empty() {
                return Err(malformed());
            }
            after_t = true;
            rest = time;
            continue;
        }
        let end = rest.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(malformed)?;
        let (number, tail) = rest.split_at(end);
        let letter = tail.chars().next().ok_or_else(malformed)?;
        let position = ISO_UNITS[next_unit..]
            .iter()
            .position(|&(name, _, time)| name == letter && time == after_t)
            .ok_or_else(malformed)?;
        let (_, nanos, _) = ISO_UNITS[next_unit + position];
        next_unit += position + 1;
        let part = iso_number(number, nanos, letter == 's').ok_or_else(malformed)??;
        total = total.checked_add(part).ok_or_else(too_long)?;
        rest = &tail[letter.len_utf8()..];
    }
    if next_unit == 0 {
        return Err(malformed());
    }
    from_nanos(total).ok_or_else(too_long)
}

/// The nanoseconds of one ISO part. `None`: not a number. Only seconds may have a fraction, of at
/// most nine digits.
fn iso_number(number: &str, nanos: u128, fraction_allowed: bool) -> Option<Result<u128, Refused>> {
    let (digits, fraction) = match number.split_once('.') {
        Some((digits, fraction)) if fraction_allowed => (digits, fraction),
        Some(_) => return None,
        None => (number, ""),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if digits.is_empty() || !all_digits(digits) || !all_digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let fraction_nanos = whole(&format!("{fraction:0<9}"))?;
    Some(
        whole(digits)
            .and_then(|count| count.checked_mul(nanos))
            .map(|nanos| nanos + fraction_nanos)
            .ok_or_else(too_long),
    )
}

/// Prints a duration in the largest unit that divides it: `100 ms`, `5 min`, `1 d`.
pub fn render_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let units = [
        ("d", NANOS_PER_DAY),
        ("h", 3_600 * NANOS_PER_SECOND),
        ("min", 60 * NANOS_PER_SECOND),
        ("s", NANOS_PER_SECOND),
        ("ms", 1_000_000),
        ("us", 1_000),
    ];
    match units.into_iter().find(|&(_, unit)| nanos > 0 && nanos.is_multiple_of(unit)) {
        Some((name, unit)) => format!("{} {name}", nanos / unit),
        None => format!("{nanos} ns"),
    }
}
