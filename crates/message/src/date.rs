//! Dates in header fields (RFC 5322 §3.3, obsolete forms of §4.3, and what is found besides).

use crate::header;
use crate::lexeme;
use model::CivilTime;

/// Reads a date as the sender's calendar shows it, its offset included; [`CivilTime::timestamp`] gives the moment.
pub fn parse(value: &str) -> Option<CivilTime> {
    let mut draft = Draft::default();
    for word in words(value) {
        draft.take(&word);
    }
    draft.finish()
}

/// The sent date of a message: its first `Date:` field.
pub fn sent(header: &[u8]) -> Option<CivilTime> {
    parse(&header::find(header, "date")?.unfolded())
}

/// More words than any date has.
const WORDS_MAX: usize = 16;

/// The words of a date without comments; `21-Nov-97` is three of them.
fn words(value: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut input = value.chars().peekable();
    while let Some(character) = input.next()
        && words.len() < WORDS_MAX
    {
        let divides = match character {
            '(' => {
                drop(lexeme::comment(&mut input));
                true
            }
            ',' => true,
            '-' => word.parse::<u8>().is_ok() || CivilTime::month_from_name(&word).is_some(),
            other => other.is_whitespace(),
        };
        if !divides {
            word.push(character);
        } else if !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[derive(Default)]
struct Draft {
    year: Option<i32>,
    month: Option<u8>,
    day: Option<u8>,
    time: Option<(u8, u8, u8)>,
    offset: Option<i16>,
    is_afternoon: Option<bool>,
}

impl Draft {
    /// Each word says by its shape what it is, so that the order matters only for day before year.
    fn take(&mut self, word: &str) {
        if word.contains(':') {
            self.time = self.time.or_else(|| time(word));
        } else if word.starts_with(['+', '-']) && self.time.is_some() {
            self.offset = self.offset.or_else(|| numeric_zone(word));
        } else if word.bytes().all(|octet| octet.is_ascii_digit()) {
            match word.parse() {
                Ok(day) if self.day.is_none() && word.len() <= 2 => self.day = Some(day),
                _ => self.year = self.year.or_else(|| year(word)),
            }
        } else if let Some(month) = word.get(..3).and_then(CivilTime::month_from_name) {
            self.month = self.month.or(Some(month));
        } else if word.eq_ignore_ascii_case("am") || word.eq_ignore_ascii_case("pm") {
            self.is_afternoon = Some(word.eq_ignore_ascii_case("pm"));
        } else if self.time.is_some() {
            self.offset = self.offset.or_else(|| named_zone(word));
        }
    }

    fn finish(self) -> Option<CivilTime> {
        let (mut hour, minute, second) = self.time.unwrap_or((0, 0, 0));
        match self.is_afternoon {
            Some(true) if hour < 12 => hour += 12,
            Some(false) if hour == 12 => hour = 0,
            _ => {}
        }
        let civil = CivilTime {
            year: self.year?,
            month: self.month?,
            day: self.day?,
            hour,
            minute,
            second,
            offset_minutes: self.offset.unwrap_or(0),
        };
        let last_day = match civil.month {
            2 if is_leap(civil.year) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let fits = (1..=last_day).contains(&civil.day) && hour < 24 && minute < 60 && second <= 60;
        fits.then_some(civil)
    }
}

fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// `hour ":" minute [":" second]`; a fraction of a second is ignored.
fn time(word: &str) -> Option<(u8, u8, u8)> {
    let mut numbers = word.split(':');
    let hour = numbers.next()?.parse().ok()?;
    let minute = numbers.next()?.parse().ok()?;
    let second = match numbers.next() {
        None | Some("") => 0,
        Some(text) => text.split('.').next()?.parse().ok()?,
    };
    Some((hour, minute, second))
}

/// Two digits: 00 to 49 are 2000 and later, the rest 1900 and later; three digits count from 1900 (RFC 5322 §4.3).
fn year(word: &str) -> Option<i32> {
    let number: i32 = word.parse().ok()?;
    match word.len() {
        0..=2 if number < 50 => Some(number + 2000),
        0..=3 => Some(number + 1900),
        4 => Some(number),
        _ => None,
    }
}

/// `("+" / "-") 4DIGIT`, minutes east of UTC; `+2`, `+02` and `+02:00` are understood as well.
fn numeric_zone(word: &str) -> Option<i16> {
    let (sign, digits) = match word.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, word.strip_prefix('+')?),
    };
    let number: i16 = digits.parse().ok()?;
    let minutes = match digits.len() {
        1 | 2 => number * 60,
        4 => number / 100 * 60 + number % 100,
        _ => return None,
    };
    (minutes < 24 * 60).then_some(sign * minutes)
}

/// Zone names (RFC 5322 §4.3 `obs-zone`). The letters of the military zones were defined with the wrong sign and mean
/// nothing, as any other name does.
fn named_zone(word: &str) -> Option<i16> {
    const ZONES: [(&str, i16); 11] = [
        ("UT", 0),
        ("UTC", 0),
        ("GMT", 0),
        ("EST", -5),
        ("EDT", -4),
        ("CST", -6),
        ("CDT", -5),
        ("MST", -7),
        ("MDT", -6),
        ("PST", -8),
        ("PDT", -7),
    ];
    if let Some((_, hours)) = ZONES.iter().find(|(name, _)| word.eq_ignore_ascii_case(name)) {
        return Some(hours * 60);
    }
    // "GMT+0200" and "UTC-5".
    let sign = word.find(['+', '-'])?;
    let (name, number) = word.split_at(sign);
    ["GMT", "UTC", "UT"].iter().any(|known| name.eq_ignore_ascii_case(known)).then(|| numeric_zone(number))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(value: &str) -> Option<u64> {
        parse(value)?.timestamp().map(|moment| moment.secs())
    }

    #[test]
    fn forms_of_the_standard_and_of_the_world() {
        // RFC 5322 §3.3, appendices A.5 and A.6.2.
        assert_eq!(secs("Fri, 21 Nov 1997 09:55:06 -0600"), Some(880_127_706));
        assert_eq!(secs("21 Nov 97 09:55:06 GMT"), Some(880_106_106));
        assert_eq!(secs("Thu,\r\n 13\r\n Feb\r\n 1969\r\n 23:32\r\n -0330 (Newfoundland Time)"), None);
        let early = parse("Thu, 13 Feb 1969 23:32 -0330 (Newfoundland Time)").unwrap();
        assert_eq!((early.year, early.month, early.day, early.offset_minutes), (1969, 2, 13, -210));
        for same in [
            "21 Nov 1997 09:55:06 CST",
            "Fri Nov 21 09:55:06 1997 CST",
            "Friday, 21-Nov-97 15:55:06 GMT",
            "21 November 1997 03:55:06 PM UTC",
            "Fri,21 Nov 1997 15:55:06 GMT+0000",
            "Fri, 21 Nov 1997 15:55:06.25 Z",
            "Fri, 21 Nov 097 15:55:06",
        ] {
            assert_eq!(secs(same), Some(880_127_706), "{same}");
        }
        assert_eq!(parse("1 Jan 49 00:00 +0000").map(|civil| civil.year), Some(2049));
        assert_eq!(parse("1 Jan 50 00:00 +0000").map(|civil| civil.year), Some(1950));
    }

    #[test]
    fn what_is_no_date() {
        for value in
            ["", "yesterday", "30 Feb 2020 10:00", "1 Jan 2020 25:00", "Jan 2020", "1 2020 10:00:00", "é 1 Jan"]
        {
            assert_eq!(parse(value), None, "{value}");
        }
    }
}
