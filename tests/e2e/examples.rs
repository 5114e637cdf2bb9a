//! The examples of a server, a client, a mesh and a test of a service: each asserts what it prints.

#[path = "../../examples/client.rs"]
mod client;
#[path = "../../examples/mesh.rs"]
mod mesh;
#[cfg(feature = "mtls")]
#[path = "../../examples/mtls.rs"]
mod mtls;
#[path = "../../examples/server.rs"]
mod server;
#[path = "../../examples/testing.rs"]
mod testing;

#[test]
fn a_client_retries_and_its_circuit_opens() {
    client::main().unwrap();
}

#[test]
fn a_canary_is_released_by_documents_and_by_code() {
    mesh::main().unwrap();
}

#[cfg(feature = "mtls")]
#[test]
fn a_workload_is_greeted_by_its_identity_and_a_stranger_refused() {
    mtls::main().unwrap();
}

#[test]
fn a_server_limits_each_caller_and_ends_when_it_is_asked_to() {
    server::main().unwrap();
}

#[test]
fn a_service_is_tested_in_memory_and_on_a_paused_clock() {
    testing::main().unwrap();
}
