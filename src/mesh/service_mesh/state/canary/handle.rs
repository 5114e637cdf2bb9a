use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::error::CanaryError;
use super::release::CanaryRelease;
use super::rollout::Rollout;
use super::split::Split;
use super::status::CanaryStatus;
use crate::foundation::events::Observe;
use crate::foundation::time::clock;
use crate::mesh::service_mesh::Mesh;
use crate::policies::canary::{Canary, CanaryPolicy, Step};

/// Handle of a rollout; clones are the same rollout, which goes on without any handle.
#[derive(Clone, Debug)]
pub struct CanaryHandle(Arc<Rollout>);

/// Subscription to the statuses of a rollout.
#[derive(Debug)]
pub struct CanaryWatch(watch::Receiver<CanaryStatus>);

impl Mesh {
    /// Starts the rollout of a release, for all workloads and gateways of this process: from now on the weights of its
    /// route are moved by the outcomes of its attempts, step by step to the new version, or at once back to the
    /// others.
    ///
    /// The weights are set as by [`set_weights`](Self::set_weights), so requests with a cookie or a hash keep their
    /// version as far as its share allows. If the documents or the code give the route other weights meanwhile, these
    /// hold and the rollout is [over](CanaryStatus::is_superseded). A restart of the process begins with the
    /// documents' weights, and with no rollout. Each process decides for itself.
    ///
    /// When it is over the last weights hold until the documents change those of the route: write them there.
    ///
    /// # Errors
    ///
    /// [`CanaryError`] without such a route, with steps that are no weights and pauses, without a runtime, or if a rollout
    /// of the host is running.
    pub fn start_canary(&self, release: CanaryRelease) -> Result<CanaryHandle, CanaryError> {
        let runtime = Handle::try_current().map_err(|_| CanaryError::NoRuntime)?;
        if let Some((index, step)) = without_effect(&release.policy) {
            return Err(CanaryError::Step { index, step });
        }
        let split = Split::find(&release, self.state.outbound_configs())?;
        let rollout = Rollout::new(release, split, &self.state);
        if !self.state.add_canary(&rollout) {
            let host = rollout.release.host.clone();
            return Err(CanaryError::Running { host });
        }
        let observe: Arc<dyn Observe> = Arc::<Rollout>::clone(&rollout);
        // First, so that the stacks that are made for the first weights observe the requests.
        self.state.joined.join(&observe);
        rollout.step(|_| {});
        runtime.spawn(Arc::clone(&rollout).run());
        Ok(CanaryHandle(rollout))
    }

    /// Returns the rollout of a host that was started last, by the name with which it was started; none if none was.
    #[must_use]
    pub fn canary(&self, host: &str) -> Option<CanaryHandle> {
        let canaries = self.state.canaries().into_iter();
        let mut of_host = canaries.filter(|one| *one.release.host == *host);
        of_host.next().map(CanaryHandle)
    }
}

/// Returns the first step that a mesh does not act on.
fn without_effect(policy: &CanaryPolicy) -> Option<(usize, &'static str)> {
    let mut steps = policy.steps().iter().enumerate();
    steps.find_map(|(index, step)| match step {
        Step::SetCookieRoute { .. } => Some((index, "SetCookieRoute")),
        Step::SetHeaderRoute { .. } => Some((index, "SetHeaderRoute")),
        Step::SetMirror(_) => Some((index, "SetMirror")),
        Step::Pause(_) | Step::PauseUntilPromoted | Step::SetWeight(_) => None,
    })
}

impl CanaryHandle {
    /// Withdraws the canary: its weight goes back to 0, at once or over the policy's
    /// [time](crate::canary::CanaryPolicy::with_return_over).
    pub fn abort(&self) {
        self.0.step(|canary| canary.abort(clock::now()));
    }

    /// Stops the steps until [`resume`](Self::resume). A canary that is worse is withdrawn all the same.
    pub fn pause(&self) {
        self.0.step(Canary::pause);
    }

    /// Ends the current step, whatever it waits for.
    pub fn promote(&self) {
        self.0.step(Canary::promote);
    }

    /// Gives all requests to the new version at once.
    pub fn promote_fully(&self) {
        self.0.step(Canary::promote_fully);
    }

    /// Goes on after [`pause`](Self::pause).
    pub fn resume(&self) {
        self.0.step(Canary::resume);
    }

    /// Returns the current state, at most a quarter of a second old.
    #[must_use]
    pub fn status(&self) -> CanaryStatus {
        self.0.status()
    }

    /// Subscribes to the states that follow.
    #[must_use]
    pub fn watch(&self) -> CanaryWatch {
        CanaryWatch(self.0.subscribe())
    }
}

impl CanaryWatch {
    /// Waits for the next evaluation; returns none after the last one.
    pub async fn next(&mut self) -> Option<CanaryStatus> {
        if self.0.borrow().is_over() && !self.0.has_changed().unwrap_or(false) {
            return None;
        }
        self.0.changed().await.ok()?;
        Some(self.0.borrow_and_update().clone())
    }

    /// Waits for the end of the rollout, and returns its last state.
    pub async fn ended(&mut self) -> CanaryStatus {
        if let Ok(ended) = self.0.wait_for(CanaryStatus::is_over).await {
            return ended.clone();
        }
        // The mesh is gone, and with it the rollout.
        self.0.borrow().clone()
    }
}
