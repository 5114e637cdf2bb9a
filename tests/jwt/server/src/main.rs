//! A server whose tokens are those of the issuer in its argument, as a document says; prints its address.

use axum::Router;
use axum::routing::get;
use meshless::Mesh;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let issuer = std::env::args().nth(1).ok_or("the issuer's URI")?;
    let mesh = Mesh::from_yaml(&format!(
        "apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: {{name: a}}\n\
         spec: {{jwtRules: [{{issuer: '{issuer}', presence: REQUIRED}}]}}\n"
    ))?;
    let layer = mesh.workload("orders", "default").server();
    let app = Router::new().route("/", get(async || "ok")).layer(layer);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
