//! FHIR's dates and date-times, as days and seconds since 0001-01-01T00:00:00Z.

use core::fmt;

use jiff::civil::Date;

use super::text::Text;
use super::{EncodeError, Span};

/// From 0001-01-01 to 9999-12-31, both included.
pub(super) const DAYS: i128 = 3_652_059;
/// Leap seconds have no number.
pub(super) const SECONDS_PER_DAY: i128 = 86_400;

const FIRST: Date = Date::constant(1, 1, 1);

/// What a text says.
pub(super) enum Calendar {
    /// A year, a month or a day: the days of it.
    Days(Span),
    /// An instant. Its offset can lead out of the days that there are.
    Second(i128),
}

/// `2023`, `2023-05`, `2023-05-01`, or `2023-05-01T10:00:00.000+02:00`: no form beyond FHIR's.
pub(super) fn parse(text: &str) -> Result<Calendar, EncodeError> {
    let mut text = Text::new(text);
    let year = text.digits(4)?;
    if year == 0 {
        return Err(EncodeError::Range);
    }
    if text.is_end() {
        return Ok(Calendar::Days(Span { first: day(date(year, 1, 1)?), last: day(date(year, 12, 31)?) }));
    }
    text.expect(b'-')?;
    let month = text.digits(2)?;
    if text.is_end() {
        let first = date(year, month, 1)?;
        return Ok(Calendar::Days(Span { first: day(first), last: day(first.last_of_month()) }));
    }
    text.expect(b'-')?;
    let day = day(date(year, month, text.digits(2)?)?);
    if text.is_end() {
        return Ok(Calendar::Days(Span { first: day, last: day }));
    }
    text.expect(b'T')?;
    let second = time(&mut text)?;
    let offset = offset(&mut text)?;
    text.end()?;
    Ok(Calendar::Second(day * SECONDS_PER_DAY + second - offset))
}

/// The second of the day; parts of seconds are read and left out.
fn time(text: &mut Text<'_>) -> Result<i128, EncodeError> {
    let hour = text.digits(2)?;
    text.expect(b':')?;
    let minute = text.digits(2)?;
    text.expect(b':')?;
    let second = text.digits(2)?;
    if text.eat(b'.') && text.run().is_empty() {
        return Err(EncodeError::Form);
    }
    match (hour, minute, second) {
        (0..24, 0..60, 0..60) => Ok(((hour * 60 + minute) * 60 + second).into()),
        (0..24, 0..60, 60) => Err(EncodeError::LeapSecond),
        _ => Err(EncodeError::Calendar),
    }
}

/// How many seconds a clock is ahead of UTC: at most 14 hours either way.
fn offset(text: &mut Text<'_>) -> Result<i128, EncodeError> {
    if text.is_end() {
        return Err(EncodeError::Offset);
    }
    if text.eat(b'Z') {
        return Ok(0);
    }
    let sign = if text.eat(b'+') { 1 } else { -1 };
    if sign < 0 {
        text.expect(b'-')?;
    }
    let hours = text.digits(2)?;
    text.expect(b':')?;
    match (hours, text.digits(2)?) {
        (0..14, minutes @ 0..60) => Ok(i128::from((hours * 60 + minutes) * 60) * sign),
        (14, 0) => Ok(i128::from(hours * 3600) * sign),
        _ => Err(EncodeError::Calendar),
    }
}

fn date(year: u32, month: u32, day: u32) -> Result<Date, EncodeError> {
    let (Ok(year), Ok(month), Ok(day)) = (year.try_into(), month.try_into(), day.try_into()) else {
        return Err(EncodeError::Calendar);
    };
    Date::new(year, month, day).map_err(|_| EncodeError::Calendar)
}

/// Days since the first one.
fn day(date: Date) -> i128 {
    i128::from(date.duration_since(FIRST).as_hours() / 24)
}

/// Writes a day that is within [`DAYS`].
pub(super) fn write_day(out: &mut impl fmt::Write, day: u32) -> fmt::Result {
    // A span, since jiff refuses a duration longer than from 1970 to 9999.
    let date = jiff::Span::new().try_days(day).and_then(|days| FIRST.checked_add(days)).map_err(|_| fmt::Error)?;
    write!(out, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}

/// Writes an instant whose day is within [`DAYS`].
pub(super) fn write_second(out: &mut impl fmt::Write, second: i128) -> fmt::Result {
    let (day, second) = (second.div_euclid(SECONDS_PER_DAY), second.rem_euclid(SECONDS_PER_DAY));
    write_day(out, u32::try_from(day).map_err(|_| fmt::Error)?)?;
    write!(out, "T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}
