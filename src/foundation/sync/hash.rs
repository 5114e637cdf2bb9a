use super::rng::mix;

/// Returns 64 bits that stand for `bytes` in every process and every release: FNV-1a, mixed.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let fnv = bytes.iter().fold(BASIS, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(PRIME)
    });
    mix(fnv)
}

/// Returns the [`hash`] of `bytes` with ASCII's letters in lower case.
pub(crate) fn hash_lowercase(bytes: &[u8]) -> u64 {
    let fnv = bytes.iter().fold(BASIS, |hash, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(PRIME)
    });
    mix(fnv)
}

const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;
