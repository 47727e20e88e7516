//! A number of octets, read and written as people write it.

use std::fmt;
use std::str::FromStr;

/// A size in octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

/// Why a text is not a [`ByteSize`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteSizeError {
    /// It does not begin with a whole number.
    NotANumber,
    /// The unit is none of `B KiB MiB GiB TiB kB MB GB TB` (also `K M G T`, meaning the binary ones).
    UnknownUnit,
    /// More octets than 64 bits can count.
    TooLarge,
}

const UNITS: [(&str, u64); 14] = [
    ("", 1),
    ("b", 1),
    ("k", 1 << 10),
    ("kib", 1 << 10),
    ("m", 1 << 20),
    ("mib", 1 << 20),
    ("g", 1 << 30),
    ("gib", 1 << 30),
    ("t", 1 << 40),
    ("tib", 1 << 40),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
];

impl ByteSize {
    /// So many binary kilobytes.
    pub const fn kib(count: u64) -> ByteSize {
        ByteSize(count << 10)
    }

    /// So many binary megabytes.
    pub const fn mib(count: u64) -> ByteSize {
        ByteSize(count << 20)
    }

    /// So many binary gigabytes.
    pub const fn gib(count: u64) -> ByteSize {
        ByteSize(count << 30)
    }

    /// The number of octets.
    pub const fn octets(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    fn from_str(text: &str) -> Result<ByteSize, ByteSizeError> {
        let text = text.trim();
        let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        if number.is_empty() {
            return Err(ByteSizeError::NotANumber);
        }
        let number: u64 = number.parse().map_err(|_| ByteSizeError::TooLarge)?;
        let unit = unit.trim().to_ascii_lowercase();
        let factor = UNITS.iter().find(|(name, _)| *name == unit).ok_or(ByteSizeError::UnknownUnit)?.1;
        number.checked_mul(factor).map(ByteSize).ok_or(ByteSizeError::TooLarge)
    }
}

impl fmt::Display for ByteSize {
    /// Writes the largest binary unit that divides the size, so that reading it back gives the same size.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, factor) in [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1u64 << 10)] {
            if self.0 >= factor && self.0.is_multiple_of(factor) {
                return write!(f, "{} {name}", self.0 / factor);
            }
        }
        write!(f, "{} B", self.0)
    }
}

impl fmt::Display for ByteSizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ByteSizeError::NotANumber => "a size begins with a whole number, such as \"50 MiB\"",
            ByteSizeError::UnknownUnit => "the unit must be one of B, KiB, MiB, GiB, TiB, kB, MB, GB, TB",
            ByteSizeError::TooLarge => "the size is more than 64 bits can count",
        })
    }
}

impl std::error::Error for ByteSizeError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units_are_read_in_any_case() {
        assert_eq!("50 MiB".parse(), Ok(ByteSize::mib(50)));
        assert_eq!("2kb".parse(), Ok(ByteSize(2_000)));
        assert_eq!("7 parsecs".parse::<ByteSize>(), Err(ByteSizeError::UnknownUnit));
        assert_eq!("99999999999999999999".parse::<ByteSize>(), Err(ByteSizeError::TooLarge));
    }

    proptest! {
        #[test]
        fn parse_undoes_print(octets: u64) {
            prop_assert_eq!(ByteSize(octets).to_string().parse(), Ok(ByteSize(octets)));
        }
    }
}
