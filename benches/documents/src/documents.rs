/// A third each of service entries, destination rules and virtual services.
#[derive(Clone, Copy)]
pub struct Set(pub usize);

impl Set {
    pub fn hosts(self) -> usize {
        self.0 / 3
    }

    /// Writes them; the first timeout is `seconds`.
    pub fn yaml(self, seconds: u32) -> String {
        (0..self.0).map(|place| document(place, seconds)).collect()
    }
}

fn document(place: usize, seconds: u32) -> String {
    let (kind, spec) = match place % 3 {
        0 => (
            "ServiceEntry",
            "hosts: [service-N.internal]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.1, labels: {version: v1}}, {address: 10.0.0.2, labels: {version: v2}}]",
        ),
        1 => (
            "DestinationRule",
            "host: service-N.internal
  trafficPolicy:
    connectionPool: {tcp: {maxConnections: 100}, http: {http1MaxPendingRequests: 10}}
    outlierDetection: {consecutive5xxErrors: 5, maxEjectionPercent: 100}
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]",
        ),
        _ => (
            "VirtualService",
            "hosts: [service-N.internal]
  http:
  - match: [{uri: {prefix: /v2/}}]
    route: [{destination: {host: service-N.internal, subset: v2}}]
  - route:
    - {destination: {host: service-N.internal, subset: v1}, weight: 90}
    - {destination: {host: service-N.internal, subset: v2}, weight: 10}
    timeout: @s
    retries: {attempts: 3, perTryTimeout: 2s}",
        ),
    };
    let seconds = if place < 3 { seconds } else { 10 };
    let spec = spec
        .replace('N', &(place / 3).to_string())
        .replace('@', &seconds.to_string());
    format!(
        "---\napiVersion: networking.istio.io/v1\nkind: {kind}\nmetadata: {{name: d{place}}}\nspec:\n  {spec}\n"
    )
}
