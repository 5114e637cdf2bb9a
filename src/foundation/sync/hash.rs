use super::rng::mix;

/// Returns a 64-bit hash of `bytes` that is the same in every process and release: FNV-1a, mixed.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let fnv = bytes.iter().fold(BASIS, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(PRIME)
    });
    mix(fnv)
}

/// Returns the [`hash`] of `bytes` with ASCII letters in lower case.
pub(crate) fn hash_lowercase(bytes: &[u8]) -> u64 {
    let fnv = bytes.iter().fold(BASIS, |hash, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(PRIME)
    });
    mix(fnv)
}

// Offset basis and prime of FNV-1a for 64 bits. Stable across releases: hashes decide placement.
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;
