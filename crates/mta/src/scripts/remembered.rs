//! Under what scripts remember things.

use sieve::DuplicateKey;

/// Under what a `duplicate` test is remembered.
pub fn duplicate_key(key: &DuplicateKey) -> u128 {
    hash(&["duplicate", &key.handle, &key.id])
}

/// A hash of texts, which divides them.
pub fn hash(texts: &[&str]) -> u128 {
    let joined: Vec<u8> = texts.iter().flat_map(|text| text.bytes().chain([0])).collect();
    let hash = storage::NewBlob::new(joined).hash();
    hash.0.first_chunk().map_or(0, |half| u128::from_be_bytes(*half))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_tell_texts_apart() {
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        assert_eq!(hash(&["a"]), hash(&["a"]));
    }
}
