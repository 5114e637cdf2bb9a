use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::explain::{Explanation, explain};
use super::{MeshTransport, ServerLayer};
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::BoxError;
use crate::istio::config::WorkloadId;
use crate::mesh::service_mesh::cluster::connect::connector::Connector;
use crate::mesh::service_mesh::proxy::role::Role;
use crate::mesh::service_mesh::proxy::state::Proxy;
use crate::mesh::service_mesh::router::router_state::RouterState;
use crate::mesh::service_mesh::router::service::Router;
use crate::mesh::service_mesh::state::mesh_state::MeshState;
use crate::mesh::stack::routed;
use crate::policies::authorization::{AccessExplanation, AuthorizationStats};
use crate::policies::telemetry::Traced;

/// One service of the mesh, as its sidecar sees it: the source of its clients and of its server layer.
///
/// See the [module docs](crate::mesh) for an example.
#[derive(Clone)]
pub struct Workload {
    state: Arc<MeshState>,
    id: WorkloadId,
}

impl Workload {
    pub(in crate::mesh) fn new(state: Arc<MeshState>, name: &str, namespace: &str) -> Self {
        Self {
            state,
            id: WorkloadId {
                name: name.into(),
                namespace: namespace.into(),
                labels: BTreeMap::from([("app".to_owned(), name.to_owned())]),
            },
        }
    }

    /// Sets labels of its pod, such as `version: v2`, which selectors match. The default is `app` with
    /// its name.
    #[must_use]
    pub fn with_labels<K, V>(mut self, labels: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<String>,
        V: Into<String>,
    {
        let labels = labels.into_iter();
        let labels = labels.map(|(name, value)| (name.into(), value.into()));
        self.id.labels.extend(labels);
        self
    }

    /// Explains a request of the workload: its virtual host, route and clusters, their policies with their places
    /// in the documents, and the answers that it may get without reaching an endpoint. Nothing is sent.
    ///
    /// ```
    /// use http::Request;
    /// use meshless::Mesh;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mesh = Mesh::from_yaml("
    /// apiVersion: networking.istio.io/v1
    /// kind: VirtualService
    /// metadata: {name: users, namespace: waste}
    /// spec:
    ///   hosts: [users]
    ///   http:
    ///   - timeout: 5s
    ///     route:
    ///     - destination: {host: users}
    /// ")?;
    /// let request = Request::get("http://users/1").body(())?;
    /// let explained = mesh.workload("waste-service", "waste").explain(&request);
    /// let route = explained.route().ok_or("no route")?;
    /// let timeout = route.settings().iter().find(|one| one.name() == "timeout").ok_or("no timeout")?;
    /// assert_eq!(timeout.origin().map(|origin| origin.line()), Some(8));
    /// println!("{explained}");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn explain<B>(&self, request: &Request<B>) -> Explanation {
        explain(&self.proxy(), RequestHead::of(request))
    }

    /// Explains whether the server of the workload lets a request pass: the rule that decides, with its place in the
    /// documents. Nothing is sent or counted. None if no authorization policy is for the workload.
    ///
    /// The caller is described by the extensions of the request, such as a
    /// [`PeerIdentity`](crate::identity::PeerIdentity) and [`RequestClaims`](crate::identity::RequestClaims).
    #[must_use]
    pub fn explain_access<B>(&self, request: &Request<B>) -> Option<AccessExplanation> {
        let proxy = self.proxy();
        let layer = proxy.authorization_layer();
        layer.is_on().then(|| layer.explain(request))
    }

    /// Returns the counters of the authorization policies that are for the workload's server.
    #[must_use]
    pub fn authorization_stats(&self) -> AuthorizationStats {
        self.proxy().authorization_layer().stats()
    }

    /// Wraps a transport of any kind; each cluster uses a clone.
    ///
    /// The authority of a request's URI is the address of the endpoint that the stack has selected, and the transport must
    /// connect to it. A tonic `Channel` does not: it leads to one address. `Workload::service` (feature `reqwest`) has
    /// connections of its own, for generated clients too.
    ///
    /// For callers that send bodies of type `B` the transport receives bodies of type
    /// [`RequestBody<B>`](super::RequestBody).
    ///
    /// ```
    /// use http::{Request, Response};
    /// use meshless::Mesh;
    /// use meshless::mesh::RequestBody;
    /// use tower::{ServiceExt, service_fn};
    ///
    /// # type Body = http_body_util::Empty<bytes::Bytes>;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mesh = Mesh::from_yaml("")?;
    /// let transport = service_fn(|request: Request<RequestBody<Body>>| async move {
    ///     assert_eq!(request.uri(), "http://users/");
    ///     Ok::<_, std::convert::Infallible>(Response::new(Body::new()))
    /// });
    /// let service = mesh.workload("waste", "default").outbound(transport);
    /// let response = service.oneshot(Request::get("http://users/").body(Body::new())?).await?;
    /// # assert!(response.status().is_success());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn outbound<S, B>(&self, transport: S) -> WorkloadService<S, B>
    where
        S: Clone + Send + Sync + 'static,
        B: 'static,
    {
        outbound(self.proxy(), Connector::shared(transport))
    }

    /// Returns [`outbound`](Self::outbound) as a layer.
    #[must_use]
    pub fn layer<B>(&self) -> WorkloadLayer<B> {
        WorkloadLayer {
            body: PhantomData,
            proxy: self.proxy(),
        }
    }

    /// Returns the stack around its routes, for axum's `Router::layer`.
    #[must_use]
    pub fn server(&self) -> ServerLayer {
        ServerLayer::new(self.proxy())
    }

    pub(in crate::mesh) fn proxy(&self) -> Arc<Proxy> {
        self.state.proxy(Role::Workload, self.id.clone())
    }
}

impl Debug for Workload {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let WorkloadId {
            name, namespace, ..
        } = &self.id;
        f.debug_struct("Workload")
            .field("name", &format_args!("{name}.{namespace}"))
            .finish_non_exhaustive()
    }
}

/// Layer that puts the outbound stack of a workload around a transport.
///
/// `B` is the body of the requests.
pub struct WorkloadLayer<B> {
    body: PhantomData<fn(B)>,
    proxy: Arc<Proxy>,
}

impl<B> Clone for WorkloadLayer<B> {
    fn clone(&self) -> Self {
        Self {
            body: PhantomData,
            proxy: Arc::clone(&self.proxy),
        }
    }
}

impl<S: Clone + Send + Sync + 'static, B: 'static> Layer<S> for WorkloadLayer<B> {
    type Service = WorkloadService<S, B>;

    fn layer(&self, inner: S) -> Self::Service {
        outbound(Arc::clone(&self.proxy), Connector::shared(inner))
    }
}

impl<B> Debug for WorkloadLayer<B> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkloadLayer")
            .field("proxy", &self.proxy)
            .finish_non_exhaustive()
    }
}

/// Outbound stack of a workload, ending in `S`; `B` is the body of the requests.
///
/// It is always ready, and its clones share all state.
pub struct WorkloadService<S, B> {
    inner: Traced<Router<S, B>>,
}

impl<S, B> Clone for WorkloadService<S, B> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
        }
    }
}

impl<S, B> Debug for WorkloadService<S, B> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkloadService")
            .field("proxy", self.inner.inner().proxy())
            .finish_non_exhaustive()
    }
}

impl<S, B, R> Service<Request<B>> for WorkloadService<S, B>
where
    S: MeshTransport<B, ResponseBody = R>,
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError> + 'static,
{
    type Response = <Traced<Router<S, B>> as Service<Request<B>>>::Response;
    type Error = S::Error;
    type Future = <Traced<Router<S, B>> as Service<Request<B>>>::Future;

    /// Always returns ready.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.inner.call(request)
    }
}

pub(in crate::mesh) fn outbound<S, B>(
    proxy: Arc<Proxy>,
    connector: Connector<S>,
) -> WorkloadService<S, B>
where
    S: Clone + Send + Sync + 'static,
    B: 'static,
{
    let trace = proxy.options.trace.clone().internal();
    let emitter = proxy.emitter(proxy.source());
    let router = Router::new(RouterState::new(proxy, connector, None));
    WorkloadService {
        inner: routed::outbound(&trace, emitter, router),
    }
}
