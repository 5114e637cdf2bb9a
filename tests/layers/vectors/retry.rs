//! What is tried again, how often and when: the own cases of Envoy, Istio, gRPC, Polly, AWS's SDKs and
//! Microsoft's HTTP client.

mod aws;
mod backoff;
mod envoy;
mod grpc;
mod istio;
mod microsoft;
mod polly;
mod server;

use std::time::Duration;

use serde_json::Value;

/// Nanoseconds, as a roll of the dice that picks so many milliseconds.
fn roll(millis: u64) -> u64 {
    millis * 1_000_000
}

fn ms(value: &Value) -> Duration {
    Duration::from_millis(value.as_u64().unwrap())
}

/// The dice of a layer with a seed: `SplitMix64`.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
