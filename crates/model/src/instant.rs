//! Time as a value. Nothing here asks what time it is.

use std::fmt;
use std::time::Duration;

/// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

/// A moment as a calendar shows it, at some offset from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CivilTime {
    /// The year, such as 2026.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 60.
    pub second: u8,
    /// Minutes east of UTC.
    pub offset_minutes: i16,
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

impl Timestamp {
    /// Whole seconds since 1970.
    pub const fn secs(self) -> u64 {
        self.0 / 1000
    }

    /// From whole seconds since 1970.
    pub const fn from_secs(secs: u64) -> Timestamp {
        Timestamp(secs.saturating_mul(1000))
    }

    /// This moment plus `duration`, stopping at the end of what can be counted.
    pub fn plus(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// This moment minus `duration`, stopping at 1970.
    pub fn minus(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long after `earlier` this is; nothing if it is not after it.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// What a calendar shows at `offset_minutes` east of UTC.
    pub fn civil(self, offset_minutes: i16) -> CivilTime {
        let local = i64::try_from(self.secs()).unwrap_or(i64::MAX / 2) + i64::from(offset_minutes) * 60;
        let (year, month, day) = civil_from_days(local.div_euclid(86_400));
        let in_day = local.rem_euclid(86_400);
        let part = |value: i64| u8::try_from(value).unwrap_or(0);
        CivilTime {
            year,
            month,
            day,
            hour: part(in_day / 3600),
            minute: part(in_day / 60 % 60),
            second: part(in_day % 60),
            offset_minutes,
        }
    }

    /// The date in the form of a `Date:` field, in UTC (RFC 5322 §3.3).
    pub fn rfc5322(self) -> String {
        let civil = self.civil(0);
        let weekday = WEEKDAYS.get(weekday(self.secs())).copied().unwrap_or("Sun");
        format!(
            "{weekday}, {:02} {} {:04} {:02}:{:02}:{:02} +0000",
            civil.day,
            civil.month_name(),
            civil.year,
            civil.hour,
            civil.minute,
            civil.second
        )
    }
}

fn weekday(secs: u64) -> usize {
    // 1970-01-01 was a Thursday.
    usize::try_from((secs / 86_400 + 4) % 7).unwrap_or(0)
}

impl CivilTime {
    /// The moment, or `None` for a date that no calendar has or one before 1970.
    pub fn timestamp(self) -> Option<Timestamp> {
        let fits = (1..=12).contains(&self.month)
            && (1..=31).contains(&self.day)
            && self.hour < 24
            && self.minute < 60
            && self.second <= 60;
        if !fits || civil_from_days(self.days()) != (self.year, self.month, self.day) {
            return None;
        }
        let in_day = i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        let secs = self.days() * 86_400 + in_day - i64::from(self.offset_minutes) * 60;
        u64::try_from(secs).ok().map(Timestamp::from_secs)
    }

    /// The English three-letter name of the month (RFC 5322 §3.3).
    pub fn month_name(self) -> &'static str {
        MONTHS.get(usize::from(self.month.saturating_sub(1))).copied().unwrap_or("Jan")
    }

    /// The month of an English three-letter name in any case.
    pub fn month_from_name(name: &str) -> Option<u8> {
        let index = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(name))?;
        u8::try_from(index + 1).ok()
    }

    /// Days from 1970-01-01 to this date; negative before it.
    pub fn days(self) -> i64 {
        // Counting years from March puts the leap day last, so that months have fixed offsets.
        let year = i64::from(self.year) - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let month = (i64::from(self.month) + 9) % 12;
        let day_of_year = (153 * month + 2) / 5 + i64::from(self.day) - 1;
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
    }
}

fn civil_from_days(days: i64) -> (i32, u8, u8) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (i32::try_from(year).unwrap_or(i32::MAX), u8::try_from(month).unwrap_or(1), u8::try_from(day).unwrap_or(1))
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let civil = self.civil(0);
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            civil.year,
            civil.month,
            civil.day,
            civil.hour,
            civil.minute,
            civil.second,
            self.0 % 1000
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_moments_print_as_the_standards_show_them() {
        let moment = Timestamp(1_784_937_296_789);
        assert_eq!(moment.to_string(), "2026-07-24T23:54:56.789Z");
        assert_eq!(Timestamp::from_secs(880_127_706).rfc5322(), "Fri, 21 Nov 1997 15:55:06 +0000");
    }

    #[test]
    fn impossible_dates_are_no_moment() {
        let civil = CivilTime { year: 2026, month: 2, day: 29, hour: 0, minute: 0, second: 0, offset_minutes: 0 };
        assert_eq!(civil.timestamp(), None);
        assert!(CivilTime { year: 2028, ..civil }.timestamp().is_some());
    }

    proptest! {
        #[test]
        fn civil_time_undoes_timestamp(secs in 0u64..253_402_300_000, offset in -840i16..=840) {
            prop_assume!(secs > 86_400);
            let moment = Timestamp::from_secs(secs);
            prop_assert_eq!(moment.civil(offset).timestamp(), Some(moment));
        }
    }
}
