use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{HeaderName, HeaderValue};

use super::token::check_times;
use crate::foundation::identity::RequestClaims;
use crate::foundation::outcome::JwtStatus;

/// So many locks that two threads rarely meet at one.
const SHARDS: usize = 16;
/// Longest token that is remembered, in bytes.
const MAX_TOKEN: usize = 8 << 10;
/// Longest time for which a verification is remembered, in seconds: the cap for tokens that live on.
const MAX_AGE: u64 = 300;
/// Bytes at the end of a token that its hash is of: a signature is as good as random.
const HASHED: usize = 32;

/// Facts about a token that was verified.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) claims: RequestClaims,
    pub(super) expires: Option<u64>,
    pub(super) not_before: u64,
    /// Headers for the inner service.
    pub(super) outputs: Box<[(HeaderName, HeaderValue)]>,
}

impl Verified {
    pub(super) fn check_times(&self, now: u64) -> Result<(), JwtStatus> {
        check_times(self.not_before, self.expires, now)
    }
}

/// Verified tokens of one rule. Only tokens with a valid signature enter, and a whole token is compared, so that the
/// hash decides about speed alone.
#[derive(Debug)]
pub(super) struct TokenCache {
    /// Maximum number of tokens in each shard; 0 for none.
    per_shard: usize,
    /// Key of the hash, so that an issuer's clients cannot fill one shard.
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
}

/// Tokens by their hash, which is not hashed again.
type Shard = HashMap<u64, Entry, BuildHasherDefault<AsItIs>>;

/// The hasher of a number that is a hash.
#[derive(Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, _bytes: &[u8]) {}

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[derive(Debug)]
struct Entry {
    /// Generation of the keys that verified it.
    keys: u64,
    token: Box<[u8]>,
    until: u64,
    verified: Arc<Verified>,
}

impl TokenCache {
    pub(super) fn new(max: usize) -> Self {
        Self {
            per_shard: max.div_ceil(SHARDS),
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    /// Returns what is known of a token under a generation of keys, at `now` in seconds since 1970.
    pub(super) fn get(&self, token: &[u8], keys: u64, now: u64) -> Option<Arc<Verified>> {
        if self.per_shard == 0 || token.len() > MAX_TOKEN {
            return None;
        }
        let hash = self.hash(token);
        let shard = self.shard(hash);
        let entry = shard.get(&hash)?;
        let is_it = entry.keys == keys && now < entry.until && *entry.token == *token;
        is_it.then(|| Arc::clone(&entry.verified))
    }

    pub(super) fn insert(&self, token: &[u8], keys: u64, now: u64, verified: &Arc<Verified>) {
        if self.per_shard == 0 || token.len() > MAX_TOKEN {
            return;
        }
        let hash = self.hash(token);
        let mut shard = self.shard(hash);
        if shard.len() >= self.per_shard && !shard.contains_key(&hash) {
            shard.retain(|_, entry| now < entry.until && entry.keys == keys);
            // All are in use: any one goes.
            if shard.len() >= self.per_shard
                && let Some(any) = shard.keys().next().copied()
            {
                shard.remove(&any);
            }
        }
        let entry = Entry {
            keys,
            token: token.into(),
            // Its own times are checked whenever it is used.
            until: now.saturating_add(MAX_AGE),
            verified: Arc::clone(verified),
        };
        shard.insert(hash, entry);
    }

    /// Returns the number of remembered tokens.
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    fn hash(&self, token: &[u8]) -> u64 {
        let tail = &token[token.len().saturating_sub(HASHED)..];
        let mut hasher = self.hasher.build_hasher();
        hasher.write(tail);
        hasher.finish()
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        // Bits in the middle: the map within uses the others.
        let shard = (hash >> 32) as usize;
        lock(&self.shards[shard % SHARDS])
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each entry is whole by itself, so a poisoned lock is still usable.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verified() -> Arc<Verified> {
        Arc::new(Verified {
            claims: RequestClaims::new([("iss", "i")]),
            expires: None,
            not_before: 0,
            outputs: Box::default(),
        })
    }

    #[test]
    fn a_token_is_remembered_for_its_keys_and_five_minutes_at_most() {
        let cache = TokenCache::new(100);
        cache.insert(b"a.b.c", 1, 1_000, &verified());
        assert!(cache.get(b"a.b.c", 1, 1_299).is_some());
        assert!(cache.get(b"a.b.c", 1, 1_300).is_none());
        assert!(cache.get(b"a.b.c", 2, 1_000).is_none());
        assert!(cache.get(b"a.b.d", 1, 1_000).is_none());
    }

    #[test]
    fn tokens_that_end_alike_are_kept_apart() {
        let cache = TokenCache::new(100);
        let tail = "s".repeat(HASHED);
        cache.insert(format!("one.{tail}").as_bytes(), 1, 0, &verified());
        assert!(cache.get(format!("two.{tail}").as_bytes(), 1, 0).is_none());
        assert!(cache.get(format!("one.{tail}").as_bytes(), 1, 0).is_some());
    }

    #[test]
    fn the_cache_is_bounded_in_number_and_length() {
        let cache = TokenCache::new(64);
        for number in 0..1_000 {
            cache.insert(format!("a.b.{number}").as_bytes(), 1, 0, &verified());
        }
        assert!(cache.len() <= 64, "{}", cache.len());
        let long = vec![b'x'; MAX_TOKEN + 1];
        cache.insert(&long, 1, 0, &verified());
        assert!(cache.get(&long, 1, 0).is_none());
        let none = TokenCache::new(0);
        none.insert(b"a.b.c", 1, 0, &verified());
        assert_eq!(none.len(), 0);
    }
}
