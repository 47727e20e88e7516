//! Randomness as something handed in, so that tests repeat.

use std::sync::atomic::{AtomicU64, Ordering};

/// A source of random octets.
pub trait Random: Send + Sync {
    /// Fills `octets` with random octets.
    fn fill(&self, octets: &mut [u8]);

    /// A random number of 64 bits.
    fn u64(&self) -> u64 {
        let mut octets = [0; 8];
        self.fill(&mut octets);
        u64::from_be_bytes(octets)
    }

    /// A random number in `0.0..1.0`, for jitter.
    fn fraction(&self) -> f64 {
        (self.u64() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The operating system's generator, fit for keys and salts.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    /// # Panics
    /// When the operating system has no randomness to give: nothing that needs a secret may go on.
    fn fill(&self, octets: &mut [u8]) {
        rustls::crypto::ring::default_provider()
            .secure_random
            .fill(octets)
            .expect("the operating system gives randomness");
    }
}

/// A repeatable sequence from a seed (SplitMix64). For tests and simulations only: anybody can predict it.
#[derive(Debug)]
pub struct Seeded(AtomicU64);

impl Seeded {
    /// The sequence that `seed` begins.
    pub fn new(seed: u64) -> Seeded {
        Seeded(AtomicU64::new(seed))
    }
}

impl Random for Seeded {
    fn fill(&self, octets: &mut [u8]) {
        for chunk in octets.chunks_mut(8) {
            let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst).wrapping_add(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let word = (z ^ (z >> 31)).to_be_bytes();
            chunk.iter_mut().zip(word).for_each(|(octet, random)| *octet = random);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats() {
        assert_eq!(Seeded::new(7).u64(), Seeded::new(7).u64());
        assert_ne!(Seeded::new(7).u64(), Seeded::new(8).u64());
    }

    #[test]
    fn fractions_stay_below_one() {
        let random = Seeded::new(1);
        assert!((0..1000).map(|_| random.fraction()).all(|fraction| (0.0..1.0).contains(&fraction)));
    }

    #[test]
    fn the_system_gives_different_numbers() {
        assert_ne!(SystemRandom.u64(), SystemRandom.u64());
    }
}
