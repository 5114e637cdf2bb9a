//! `--serve`: the services stay up, to be tried by hand.

use axum::Router;
use tokio::net::TcpListener;

use crate::Result;
use crate::args::Args;
use crate::show::show;
use crate::world::{Settings, World};

/// Keeps everything up until Ctrl-C.
pub(crate) async fn serve(args: &Args) -> Result<()> {
    let world = World::start(Settings::new(args)).await?;
    let minute = args.scale.minute().as_secs_f64();
    show!("The five services are up; a minute lasts {minute:.1} s. Ctrl-C stops them.");
    show!(
        "They follow the policies in {}.",
        world.policies.folder().display()
    );
    if let Some(address) = args.metrics {
        let metrics = Router::new().route("/metrics", world.policies.metrics().handler());
        let listener = TcpListener::bind(address).await?;
        show!(
            "Metrics for Prometheus: http://{}/metrics",
            listener.local_addr()?
        );
        tokio::spawn(async { axum::serve(listener, metrics).await });
    }
    show!("In another terminal, try:");
    print_commands(&world);
    tokio::signal::ctrl_c().await?;
    show!("\nStopped.");
    Ok(())
}

fn print_commands(world: &World) {
    let users = world.users.url();
    let auth = world.auth.url();
    let waste = world.waste.url();
    let recycling = world.recycling.url();
    let locations = world.locations.url();
    let roboflow = world.roboflow.url();
    let kakao = world.kakao.url();
    let ingress = world.ingress.url();
    let [_, _, bad] = [0, 1, 2].map(|n| world.users.endpoints[n].url());
    let split = world.policies.folder().join("waste-ab-and-canary.yaml");
    let split = split.display();
    let faults = world.policies.folder().join("a-fifth-fails.yaml");
    let faults = faults.display();
    let fifth = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/examples/five_services/cases/a-fifth-fails.yaml"
    );
    let json = "-H 'content-type: application/json' -d";
    let statuses = "curl -s -o /dev/null -w '%{http_code} ' \\\n   ";
    show!(
        r#"
# who is who
curl -i {users}/api/v1/users/mina
curl -i -H 'authorization: Bearer token-of-mina' {auth}/api/v1/auth/me

# waste looks up the user and asks Roboflow; from one address 10 times a minute, then 429
for i in $(seq 12); do {statuses} {json} '{{"user":"mina","picture":"can.jpg"}}' \
    {waste}/api/v1/waste/analyze; done; echo

# Roboflow fails: after 5 failures waste answers 503 by itself, for half a minute
curl {roboflow}/fault/500; echo
for i in $(seq 8); do {statuses} {json} '{{"user":"mina","picture":"can.jpg"}}' \
    -H "x-forwarded-for: 198.51.100.$i" {waste}/api/v1/waste/analyze; done; echo
curl {roboflow}/fault/none; echo

# recycling asks OpenAI; 20 times a minute, then 429 with Retry-After
for i in $(seq 22); do {statuses} {json} '{{"result":1}}' \
    {recycling}/api/v1/recycling/advice; done; echo

# locations asks Kakao Map; if that hangs, the answer is 504
curl -i '{locations}/api/v1/locations/near?user=mina'
curl {kakao}/fault/hang; echo
curl -i '{locations}/api/v1/locations/near?user=mina'
curl {kakao}/fault/none; echo

# one in ten results comes from waste v2; with the header all, with a cookie always the same
for i in $(seq 20); do curl -s {recycling}/api/v1/recycling/results/1; echo; done
curl -H 'version: v2' {recycling}/api/v1/recycling/results/1; echo
curl -b user=mina {recycling}/api/v1/recycling/results/1; echo

# half of them, from the next request on: edit the policies while the services run
sed -i 's/weight: .*/weight: 50/' {split}; sleep 1
for i in $(seq 20); do curl -s {recycling}/api/v1/recycling/results/1; echo; done

# a copy of one in ten goes to v2 too, unnoticed by users; `sed -i '/mirror/,$d'` ends it
printf '    mirror: {{host: waste-service, subset: v2}}\n    mirrorPercentage: {{value: 10}}\n' \
    >> {split}; sleep 1
for i in $(seq 20); do {statuses} {recycling}/api/v1/recycling/results/1; done; echo

# one of the three endpoints of users fails: users notice nothing, and it is ejected for half a minute
curl {bad}/fault/503; echo
for i in $(seq 20); do {statuses} '{locations}/api/v1/locations/near?user=mina'; done; echo
curl {bad}/fault/none; echo

# users come in through the gateway of the review
curl -i -H 'host: api.yourdomain.com' {ingress}/api/v1/waste/results/1

# a fifth of one route there fails on purpose
cp {fifth} {faults}; sleep 1
for i in $(seq 20); do {statuses} -H 'host: api.yourdomain.com' \
    {ingress}/api/v1/waste/results/1; done; echo
rm {faults}"#
    );
}
