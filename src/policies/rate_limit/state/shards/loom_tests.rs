use loom::sync::Arc;
use loom::thread;

use super::*;
use crate::policies::rate_limit::machine::token_bucket::Bucket;

#[test]
fn loom_two_threads_never_take_more_than_there_is_and_lose_none() {
    loom::model(|| {
        let part = Quota::Bucket(Bucket::new(1, 1, 1_000));
        let shards = Arc::new(Shards::new(&[part, part]));
        let other = {
            let shards = Arc::clone(&shards);
            thread::spawn(move || u64::from(shards.take(1, 0, 1).is_ok()))
        };
        let own = u64::from(shards.take(1, 0, 0).is_ok());
        let both = own + other.join().unwrap();
        assert_eq!(both, 2);
        assert!(shards.take(1, 0, 0).is_err());
    });
}
