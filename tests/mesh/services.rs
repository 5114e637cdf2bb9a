//! The services of a mesh as their users see them.

use std::convert::Infallible;
use std::fmt::Debug;

use http::Response;
use meshless::Mesh;
use meshless::mesh::{GatewayService, ServerService, WorkloadLayer, WorkloadService};
use tower::{Layer, service_fn};

use crate::support::{Text, Upstream};

const GATEWAY: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: public, namespace: waste}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]
";

/// Returns a mesh whose state is much longer than any text about it should be.
fn large_mesh() -> Mesh {
    let hosts = (0..500).map(|i| {
        format!(
            "
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: host-{i}, namespace: waste}}
spec:
  host: host-{i}
  trafficPolicy: {{outlierDetection: {{consecutive5xxErrors: 3}}}}
"
        )
    });
    let hosts: String = hosts.collect();
    Mesh::from_yaml(&format!("{GATEWAY}{hosts}")).unwrap()
}

fn assert_short<T: Debug>(value: &T) {
    for shown in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(shown.len() <= 400, "{}: {shown}", shown.len());
    }
    let name = std::any::type_name::<T>();
    assert!(name.len() <= 400, "{}: {name}", name.len());
}

#[tokio::test(start_paused = true)]
async fn the_services_of_a_large_mesh_are_short_to_print_and_to_name() {
    let mesh = large_mesh();
    let upstream = Upstream::new(|_| 200);
    let workload = mesh.workload("waste-service", "waste");
    let layer: WorkloadLayer<Text> = workload.layer();
    let client: WorkloadService<Upstream, Text> = layer.layer(upstream.clone());
    let app = service_fn(async |()| Ok::<_, Infallible>(Response::new(Text::default())));
    let server: ServerService<_> = workload.server().layer(app);
    let gateway = mesh.gateway("public", "waste").unwrap();
    let ingress: GatewayService<Upstream, Text> = gateway.outbound(upstream);
    for host in 0..20 {
        let request = http::Request::get(format!("http://host-{host}/"));
        let request = request.body(Text::default()).unwrap();
        let answer = tower::ServiceExt::oneshot(client.clone(), request).await;
        assert_eq!(answer.unwrap().status(), 200);
    }

    assert_short(&mesh);
    assert_short(&workload);
    assert_short(&layer);
    assert_short(&workload.server());
    assert_short(&gateway);
    assert_short(&client);
    assert_short(&ingress);
    let shown = format!("{server:?}");
    assert!(shown.len() <= 400, "{shown}");
    assert!(format!("{client:?}").contains("waste-service.waste"));
    assert!(format!("{ingress:?}").contains("public.waste"));
    #[cfg(feature = "reqwest")]
    assert_short(&workload.client());
}
