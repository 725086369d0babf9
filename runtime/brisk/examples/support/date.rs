//! Points in time as logs write them.

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Milliseconds since 1970-01-01 of a day of the Gregorian calendar; `None` if there is no such day.
pub(crate) fn day_ms(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) {
        return None;
    }
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_of_month = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !(1..=days_of_month).contains(&day) {
        return None;
    }
    // Years begin in March here, so that a leap day is the last one; 400 of them have 146,097 days.
    let (march_year, march_month) =
        if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (march_year / 400, march_year % 400);
    let of_year = (153 * march_month + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    Some((days - 719_468) * DAY_MS)
}

/// Milliseconds of `hours:minutes:seconds`, with a part of a second behind a point or none.
pub(crate) fn clock_ms(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let mut fields = whole.split(':');
    let mut below = |end: i64| {
        let number: i64 = fields.next()?.parse().ok()?;
        (0..end).contains(&number).then_some(number)
    };
    let (hours, minutes, seconds) = (below(24)?, below(60)?, below(61)?);
    if fields.next().is_some() || !part.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let mut digits = part.chars().chain("00".chars()).take(3).collect::<String>();
    digits.truncate(3);
    Some(((hours * 60 + minutes) * 60 + seconds) * 1000 + digits.parse::<i64>().ok()?)
}

/// Milliseconds of an offset from UTC: `Z`, `+08:00` or `-0700`.
pub(crate) fn offset_ms(text: &str) -> Option<i64> {
    if text == "Z" {
        return Some(0);
    }
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let digits = digits.replace(':', "");
    if digits.len() != 4 {
        return None;
    }
    let (hours, minutes): (i64, i64) = (digits[..2].parse().ok()?, digits[2..].parse().ok()?);
    Some(sign * (hours * 60 + minutes) * 60_000)
}
