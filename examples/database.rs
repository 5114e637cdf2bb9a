//! Guards a database, whose errors are the application's own: `cargo run --example database`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use meshless::circuit_breaker::{
    CircuitBreakerLayer, CircuitBreakerPolicy, CircuitState, RunError,
};
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use meshless::outcome::ErrorClassifier;

#[derive(Debug, thiserror::Error)]
enum DatabaseError {
    #[error("no such row")]
    NotFound,
    #[error("no connection to the database")]
    Unreachable,
}

/// Stand-in for the pool of a real database.
#[derive(Default)]
struct Pool {
    is_down: AtomicBool,
}

impl Pool {
    async fn name(&self, user: u32) -> Result<&'static str, DatabaseError> {
        tokio::task::yield_now().await;
        match user {
            _ if self.is_down.load(Ordering::Relaxed) => Err(DatabaseError::Unreachable),
            1 => Ok("Ann"),
            _ => Err(DatabaseError::NotFound),
        }
    }
}

struct Users {
    breaker: CircuitBreakerLayer,
    limit: ConcurrencyLimitLayer,
    pool: Pool,
}

impl Users {
    fn new() -> Self {
        // A missing row is an answer: the database is well.
        let is_failure = |error: &DatabaseError| !matches!(error, DatabaseError::NotFound);
        let policy = CircuitBreakerPolicy::default()
            .with_consecutive_failures(3)
            .with_error_classifier(ErrorClassifier::failure_if(is_failure));
        let limit = ConcurrencyLimitPolicy::new(10).with_max_wait(Duration::from_millis(100));
        Self {
            breaker: CircuitBreakerLayer::new(policy),
            limit: ConcurrencyLimitLayer::new(limit),
            pool: Pool::default(),
        }
    }

    async fn name(&self, user: u32) -> Result<&'static str, RunError<DatabaseError>> {
        let query = || self.breaker.run(|| self.pool.name(user));
        self.limit.run(query).await?
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let users = Users::new();
    assert_eq!(users.name(1).await?, "Ann");
    for _ in 0..5 {
        let missing = users.name(2).await;
        assert!(matches!(
            missing,
            Err(RunError::Inner(DatabaseError::NotFound))
        ));
    }
    assert_eq!(users.breaker.state(), CircuitState::Closed);

    users.pool.is_down.store(true, Ordering::Relaxed);
    for _ in 0..4 {
        let error = users.name(1).await.expect_err("the database is down");
        println!("{error}, circuit {:?}", users.breaker.state());
    }
    assert!(matches!(users.name(1).await, Err(RunError::Rejected(_))));
    Ok(())
}
