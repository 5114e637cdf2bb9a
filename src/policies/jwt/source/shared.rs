use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use super::JwksPolicy;
use super::fetch::{Fetch, Location};
use super::schedule::{Answer, Schedule, Want};
use crate::foundation::events::{Emitter, EventKind};
use crate::foundation::outcome::BoxError;
use crate::foundation::time::clock;
use crate::policies::jwt::Jwks;

/// The wait of a request for a fetch.
pub(in crate::policies::jwt) type Waiting = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The keys of one fetch.
#[derive(Debug)]
pub(in crate::policies::jwt) struct FetchedKeys {
    fetched: Instant,
    /// The generation, another one for each fetch: what was verified by older keys is verified again.
    pub(in crate::policies::jwt) id: u64,
    pub(in crate::policies::jwt) keys: Jwks,
}

impl FetchedKeys {
    pub(super) const fn fetched(&self) -> Instant {
        self.fetched
    }
}

/// State that the clones of a source share, and that its task works on.
pub(super) struct Shared {
    client: Box<dyn Fetch>,
    pub(super) current: ArcSwapOption<FetchedKeys>,
    pub(super) emitter: Emitter,
    pub(super) id: u64,
    pub(super) location: Location,
    policy: JwksPolicy,
    /// Number of fetches that have ended, or been given up. Dropped with the last clone, which ends the task.
    rounds: watch::Sender<u64>,
    schedule: Mutex<Schedule>,
    /// The bell of the task: rung when a fetch has to begin, and none without a task.
    bell: Mutex<Option<Arc<Notify>>>,
}

impl Shared {
    pub(super) fn new(
        location: Location,
        policy: JwksPolicy,
        client: Box<dyn Fetch>,
        emitter: Emitter,
    ) -> Self {
        /// Number of the next source.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            client,
            current: ArcSwapOption::empty(),
            emitter,
            // Relaxed: only the numbers have to differ.
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            location,
            policy,
            rounds: watch::Sender::new(0),
            schedule: Mutex::default(),
            bell: Mutex::default(),
        }
    }

    /// Asks for keys; returns the wait for a fetch, or none if it is too early for one, or there is no runtime for it.
    pub(super) fn ask(this: &Arc<Self>, want: Want) -> Option<Waiting> {
        // Before the fetch can end, so that its end is not missed.
        let mut rounds = this.rounds.subscribe();
        let answer = lock(&this.schedule).ask(want, &this.policy, clock::now());
        match answer {
            Answer::In(rest) => return Some(Box::pin(Self::ask_in(Arc::downgrade(this), rest))),
            Answer::No => return None,
            Answer::Start => {}
            Answer::Wait => return Some(Box::pin(async move { drop(rounds.changed().await) })),
        }
        let known = lock(&this.bell).clone();
        if let Some(bell) = known {
            bell.notify_one();
        } else {
            let Ok(runtime) = Handle::try_current() else {
                lock(&this.schedule).abandon();
                return None;
            };
            let bell = Arc::new(Notify::new());
            *lock(&this.bell) = Some(Arc::clone(&bell));
            let source = Arc::downgrade(this);
            let end = TaskEnd {
                bell: Arc::clone(&bell),
                source: Weak::clone(&source),
            };
            // Without a lock: a runtime that is shutting down drops the task at once.
            runtime.spawn(keep(source, bell, end));
        }
        Some(Box::pin(async move { drop(rounds.changed().await) }))
    }

    /// Asks again after a time, and waits for the fetch.
    async fn ask_in(this: Weak<Self>, rest: Duration) {
        sleep(rest).await;
        let waiting = this.upgrade().and_then(|this| {
            // Its own statement: the lock is free again for the question below.
            let has_failed = lock(&this.schedule).failures() > 0;
            // Others may have asked meanwhile, and the fetch may have ended well.
            has_failed.then(|| Self::ask(&this, Want::Any)).flatten()
        });
        if let Some(waiting) = waiting {
            waiting.await;
        }
    }

    /// Fetches once; returns the time to the next fetch.
    async fn fetch(&self) -> Duration {
        lock(&self.schedule).begin();
        let fetch = self.location.fetch(&*self.client);
        let result = timeout(self.policy.timeout, fetch).await;
        let result = result.unwrap_or_else(|_| Err("no answer in time".into()));
        let now = clock::now();
        let event = match result {
            Ok(keys) => self.store(keys, now),
            Err(error) => self.fail(&error, now),
        };
        let is_ok = matches!(event, EventKind::JwksFetched { .. });
        let next = lock(&self.schedule).end(is_ok, &self.policy, now);
        self.rounds
            .send_modify(|rounds| *rounds = rounds.saturating_add(1));
        self.emitter.emit(&event);
        let current = self.current.load();
        // Not later than the keys that are there grow too old.
        current.as_ref().map_or(next, |current| {
            let age = now.saturating_duration_since(current.fetched);
            next.min(self.policy.max_age.saturating_sub(age))
                .max(Duration::from_secs(1))
        })
    }

    fn store(&self, keys: Jwks, now: Instant) -> EventKind {
        let count = keys.len();
        self.current.store(Some(Arc::new(FetchedKeys {
            fetched: now,
            // 0 is the generation of keys that are not fetched.
            id: self.rounds.borrow().saturating_add(1),
            keys,
        })));
        EventKind::JwksFetched {
            keys: count,
            uri: self.location.uri().to_string().into(),
        }
    }

    /// Keeps the last keys, unless they are too old.
    fn fail(&self, error: &BoxError, now: Instant) -> EventKind {
        let age = self
            .current
            .load()
            .as_ref()
            .map(|current| now.saturating_duration_since(current.fetched));
        let kept = age.filter(|age| *age < self.policy.max_age);
        if kept.is_none() {
            self.current.store(None);
        }
        EventKind::JwksUnavailable {
            kept,
            reason: error.to_string().into(),
            uri: self.location.uri().to_string().into(),
        }
    }
}

/// Fetches again and again, until the source is gone.
async fn keep(shared: Weak<Shared>, bell: Arc<Notify>, _end: TaskEnd) {
    loop {
        let Some(source) = shared.upgrade() else {
            return;
        };
        let wait = source.fetch().await;
        let mut rounds = source.rounds.subscribe();
        drop(source);
        rounds.mark_unchanged();
        let gone = async move { while rounds.changed().await.is_ok() {} };
        let mut gone = std::pin::pin!(gone);
        let mut rung = std::pin::pin!(bell.notified());
        // The end of the source, the bell, or the time, whatever is first.
        let either = std::future::poll_fn(|cx| {
            if gone.as_mut().poll(cx).is_ready() {
                return std::task::Poll::Ready(());
            }
            rung.as_mut().poll(cx)
        });
        drop(timeout(wait, either).await);
    }
}

/// Guard of a task: a task that ends with its runtime leaves the source as without one, and nothing waits for it.
struct TaskEnd {
    bell: Arc<Notify>,
    source: Weak<Shared>,
}

impl Drop for TaskEnd {
    fn drop(&mut self) {
        if let Some(shared) = self.source.upgrade() {
            // Another runtime may have a task of its own by now.
            lock(&shared.bell).take_if(|bell| Arc::ptr_eq(bell, &self.bell));
            lock(&shared.schedule).abandon();
            shared
                .rounds
                .send_modify(|rounds| *rounds = rounds.saturating_add(1));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is one assignment, so a poisoned lock is still usable.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
