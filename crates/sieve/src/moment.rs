//! Parts of dates as strings (RFC 5260 §4.2), and zones.

use model::{CivilTime, Timestamp};

use crate::program::DatePart;

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
/// The Modified Julian Day of 1970-01-01.
const JULIAN_OF_EPOCH: i64 = 40_587;

/// Minutes east of UTC of a zone such as `+0200` (RFC 5260 §4.1).
pub(crate) fn zone_minutes(zone: &str) -> Option<i16> {
    let (sign, digits) = match zone.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    if digits.len() != 4 || !digits.bytes().all(|octet| octet.is_ascii_digit()) {
        return None;
    }
    let number: i16 = digits.parse().ok()?;
    let (hours, minutes) = (number / 100, number % 100);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// A moment such as `2026-11-24T08:00:00+01:00` (RFC 3339 §5.6).
pub(crate) fn read_rfc3339(text: &str) -> Option<Timestamp> {
    let number =
        |from: usize, to: usize| text.get(from..to).filter(|part| part.bytes().all(|octet| octet.is_ascii_digit()));
    let is = |at: usize, wanted: &str| text.get(at..at + 1).is_some_and(|found| wanted.contains(found));
    if !(is(4, "-") && is(7, "-") && is(10, "Tt ") && is(13, ":") && is(16, ":")) {
        return None;
    }
    let rest = text.get(19..)?;
    let zone =
        rest.strip_prefix('.').map_or(rest, |part| part.trim_start_matches(|digit: char| digit.is_ascii_digit()));
    let offset_minutes = match zone {
        "Z" | "z" => 0,
        zone => zone_minutes(&zone.replacen(':', "", 1))?,
    };
    let time = CivilTime {
        year: number(0, 4)?.parse().ok()?,
        month: number(5, 7)?.parse().ok()?,
        day: number(8, 10)?.parse().ok()?,
        hour: number(11, 13)?.parse().ok()?,
        minute: number(14, 16)?.parse().ok()?,
        second: number(17, 19)?.parse().ok()?,
        offset_minutes,
    };
    time.timestamp()
}

/// A part of a date.
pub(crate) fn part(time: CivilTime, part: DatePart) -> String {
    let date = |time: CivilTime| format!("{:04}-{:02}-{:02}", time.year, time.month, time.day);
    let clock = |time: CivilTime| format!("{:02}:{:02}:{:02}", time.hour, time.minute, time.second);
    let sign = if time.offset_minutes < 0 { '-' } else { '+' };
    let offset = time.offset_minutes.unsigned_abs();
    let weekday = usize::try_from((time.days() + 4).rem_euclid(7)).unwrap_or(0);
    match part {
        DatePart::Year => format!("{:04}", time.year),
        DatePart::Month => format!("{:02}", time.month),
        DatePart::Day => format!("{:02}", time.day),
        DatePart::Date => date(time),
        DatePart::Julian => (time.days() + JULIAN_OF_EPOCH).to_string(),
        DatePart::Hour => format!("{:02}", time.hour),
        DatePart::Minute => format!("{:02}", time.minute),
        DatePart::Second => format!("{:02}", time.second),
        DatePart::Time => clock(time),
        // RFC 5260 §4.2 wants `Z` for an offset of zero.
        DatePart::Iso8601 if offset == 0 => format!("{}T{}Z", date(time), clock(time)),
        DatePart::Iso8601 => format!("{}T{}{sign}{:02}:{:02}", date(time), clock(time), offset / 60, offset % 60),
        DatePart::Std11 => format!(
            "{}, {:02} {} {:04} {} {sign}{:02}{:02}",
            WEEKDAYS.get(weekday).copied().unwrap_or("Sun"),
            time.day,
            time.month_name(),
            time.year,
            clock(time),
            offset / 60,
            offset % 60
        ),
        DatePart::Zone => format!("{sign}{:02}{:02}", offset / 60, offset % 60),
        DatePart::Weekday => weekday.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones() {
        assert_eq!(zone_minutes("+0530"), Some(330));
        assert_eq!(zone_minutes("-0800"), Some(-480));
        for bad in ["", "0200", "+200", "+2460", "+0a00", "+02000"] {
            assert_eq!(zone_minutes(bad), None, "{bad}");
        }
    }

    #[test]
    fn moments_of_the_internet() {
        assert_eq!(read_rfc3339("2009-02-13T15:31:30.5-08:00"), Some(Timestamp::from_secs(1_234_567_890)));
        assert_eq!(read_rfc3339("2009-02-13T23:31:30Z"), Some(Timestamp::from_secs(1_234_567_890)));
        for bad in ["", "2009-02-13", "2009-02-13T23:31:30", "2009-13-13T23:31:30Z", "2009-02-13T23:31:30Zä"] {
            assert_eq!(read_rfc3339(bad), None, "{bad}");
        }
    }

    #[test]
    fn parts_of_a_known_moment() {
        // 2009-02-13T23:31:30Z, a Friday.
        let time = Timestamp::from_secs(1_234_567_890).civil(-480);
        let read = |wanted| part(time, wanted);
        assert_eq!(read(DatePart::Iso8601), "2009-02-13T15:31:30-08:00");
        assert_eq!(read(DatePart::Std11), "Fri, 13 Feb 2009 15:31:30 -0800");
        assert_eq!(read(DatePart::Julian), "54875");
        assert_eq!(read(DatePart::Weekday), "5");
        assert_eq!(read(DatePart::Zone), "-0800");
        assert_eq!(read(DatePart::Time), "15:31:30");
        assert_eq!(part(time.timestamp().unwrap().civil(0), DatePart::Iso8601), "2009-02-13T23:31:30Z");
    }
}
