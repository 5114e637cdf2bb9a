use crate::foundation::sync::primitives::atomic::{AtomicU64, Ordering};

/// A state of one word, updated by many threads without a lock.
#[derive(Debug, Default)]
pub(in crate::policies::rate_limit) struct AtomicState(AtomicU64);

impl AtomicState {
    /// Replaces the state by the result of `decide`, which is repeated if another thread was
    /// faster.
    #[inline]
    pub(in crate::policies::rate_limit) fn update<T>(
        &self,
        mut decide: impl FnMut(u64) -> (u64, T),
    ) -> T {
        // Relaxed: the word is the whole state, and no other memory is published with it.
        let mut old = self.0.load(Ordering::Relaxed);
        loop {
            let (new, result) = decide(old);
            if new == old {
                return result;
            }
            let swap = self
                .0
                .compare_exchange_weak(old, new, Ordering::Relaxed, Ordering::Relaxed);
            match swap {
                Ok(_) => return result,
                Err(now) => old = now,
            }
        }
    }
}

#[cfg(all(test, meshless_loom))]
mod tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::AtomicState;
    use crate::policies::rate_limit::machine::token_bucket::Bucket;

    fn take(word: &AtomicState, bucket: Bucket, cost: u64) -> bool {
        word.update(|full_at| match bucket.take(full_at, cost, 0, 0) {
            Ok(booking) => (booking.full_at, true),
            Err(_) => (full_at, false),
        })
    }

    #[test]
    fn loom_two_threads_never_take_the_same_token() {
        loom::model(|| {
            let word = Arc::new(AtomicState::default());
            let bucket = Bucket::new(2, 1, 1_000);
            let tasks: Vec<_> = [1, 2]
                .into_iter()
                .map(|cost| {
                    let word = Arc::clone(&word);
                    thread::spawn(move || u64::from(take(&word, bucket, cost)) * cost)
                })
                .collect();
            let own = u64::from(take(&word, bucket, 1));
            let others: u64 = tasks.into_iter().map(|task| task.join().unwrap()).sum();
            let left = u64::from(take(&word, bucket, 1)) + u64::from(take(&word, bucket, 1));
            assert_eq!(own + others + left, 2);
        });
    }

    #[test]
    fn loom_what_is_given_back_is_there_for_the_next() {
        loom::model(|| {
            let word = Arc::new(AtomicState::default());
            let bucket = Bucket::new(2, 1, 1_000);
            assert!(take(&word, bucket, 2));
            let other = {
                let word = Arc::clone(&word);
                thread::spawn(move || take(&word, bucket, 1))
            };
            word.update(|full_at| (bucket.refund(full_at, 2), ()));
            let taken = u64::from(other.join().unwrap());
            let left: u64 = (0..3).map(|_| u64::from(take(&word, bucket, 1))).sum();
            assert_eq!(taken + left, 2);
        });
    }
}
