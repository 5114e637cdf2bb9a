//! Envoy's own test scripts, run against the machine.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the scripts' numbers are small and positive"
)]

mod checks;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::machine::host::AttemptReport;
use super::machine::{HostId, Machine, Step};
use super::{FailurePercentage, OutlierDetectionPolicy, SuccessRate};
use crate::foundation::sync::Percent;
use crate::foundation::time::clock;

const TEXT: &str = include_str!("../../../tests/vectors/envoy_outlier_detection.json");

#[test]
fn the_reference_scripts_play_alike() {
    let vectors: Value = serde_json::from_str(TEXT).unwrap();
    let (mut ran, mut skipped) = (0, Vec::new());
    for case in vectors["cases"].as_array().unwrap() {
        if case["expect_config_error"] == true {
            // A longest time below the base time cannot be said here: the base time holds.
            skipped.push(case["name"].as_str().unwrap());
            continue;
        }
        println!("{}", case["name"]);
        let mut player = Player::new(&case["config"]);
        player.play(case["steps"].as_array().unwrap());
        player.check_events(case["name"].as_str().unwrap());
        ran += 1;
    }
    assert_eq!((ran, skipped.len()), (17, 1), "{skipped:?}");
}

#[test]
fn the_jitter_is_the_roll_within_its_range() {
    let vectors: Value = serde_json::from_str(TEXT).unwrap();
    let case = &vectors["ejection_jitter"][0];
    let jitter = millis(&case["max_ejection_time_jitter_ms"]);
    let policy = OutlierDetectionPolicy::default().with_max_ejection_time_jitter(jitter);
    let mut host = super::machine::host::HostMonitor::default();
    let now = clock::now();
    host.eject(&policy, now, case["random"].as_u64().unwrap());
    let jitter = millis(&case["expected_jitter_ms"]);
    let served = now + Duration::from_secs(30) + jitter;
    assert!(!host.ejection_elapsed(&policy, served.checked_sub(millis(&1.into())).unwrap()));
    assert!(host.ejection_elapsed(&policy, served));
}

#[test]
fn as_many_may_be_out_as_the_table_says() {
    let vectors: Value = serde_json::from_str(TEXT).unwrap();
    let rows = vectors["max_ejection_table"]["rows"].as_array().unwrap();
    for row in rows {
        let number = |column: usize| row[column].as_u64().unwrap();
        let (hosts, percent) = (number(0) as usize, Percent::new(number(1) as u8));
        for (always, expected) in [(false, number(2)), (true, number(3))] {
            let policy = OutlierDetectionPolicy::default()
                .with_max_ejection_percent(percent)
                .with_eject_one_always(always);
            let mut active = 0;
            while active < hosts && policy.allows(active, hosts) {
                active += 1;
            }
            assert_eq!(active as u64, expected, "{row} {always}");
        }
    }
    assert!(rows.len() > 50, "{}", rows.len());
}

type Key = (String, u64, String, bool);

struct Player {
    begin: Instant,
    config: HashMap<String, f64>,
    expected: HashMap<Key, u64>,
    first_priority: u64,
    hosts: Vec<HostId>,
    machine: Machine,
    now: Instant,
    seen: HashMap<Key, u64>,
}

impl Player {
    fn new(config: &Value) -> Self {
        let now = clock::now();
        let mut player = Self {
            begin: now,
            config: HashMap::new(),
            expected: HashMap::new(),
            first_priority: 0,
            hosts: Vec::new(),
            machine: Machine::new(now),
            now,
            seen: HashMap::new(),
        };
        player.configure(config);
        player
    }

    fn configure(&mut self, config: &Value) {
        for (name, value) in config.as_object().unwrap() {
            let (name, value) = match value {
                Value::String(text) => {
                    let seconds: f64 = text.strip_suffix('s').unwrap().parse().unwrap();
                    (format!("{name}_ms"), seconds * 1_000.0)
                }
                Value::Bool(on) => (name.clone(), f64::from(u8::from(*on))),
                number => (name.clone(), number.as_f64().unwrap()),
            };
            self.config.insert(name, value);
        }
    }

    fn policy(&self) -> OutlierDetectionPolicy {
        let get = |name: &str, default: f64| self.config.get(name).copied().unwrap_or(default);
        let percent = |name: &str, default: f64| Percent::from_f64(get(name, default));
        let time = |name: &str, default: f64| Duration::from_millis(get(name, default) as u64);
        OutlierDetectionPolicy::default()
            .with_interval(time("interval_ms", 10_000.0))
            .with_base_ejection_time(time("base_ejection_time_ms", 30_000.0))
            .with_max_ejection_time(time("max_ejection_time_ms", 300_000.0))
            .with_max_ejection_time_jitter(time("max_ejection_time_jitter_ms", 0.0))
            .with_consecutive_5xx(get("consecutive_5xx", 5.0) as u32)
            .with_consecutive_gateway_errors(get("consecutive_gateway_failure", 5.0) as u32)
            .with_enforcing(
                percent("enforcing_consecutive_5xx", 100.0),
                percent("enforcing_consecutive_gateway_failure", 0.0),
                percent("enforcing_consecutive_local_origin_failure", 100.0),
            )
            .with_split_local_origin(get("split_external_local_origin_errors", 0.0) > 0.0)
            .with_max_ejection_percent(percent("max_ejection_percent", 10.0))
            .with_eject_one_always(false)
            .with_success_rate(
                SuccessRate::new()
                    .with_enforcing(percent("enforcing_success_rate", 100.0))
                    .with_min_hosts(get("success_rate_minimum_hosts", 5.0) as u32)
                    .with_request_volume(get("success_rate_request_volume", 100.0) as u64)
                    .with_stdev_factor(get("success_rate_stdev_factor", 1_900.0) as u32),
            )
            .with_failure_percentage(
                FailurePercentage::new(percent("failure_percentage_threshold", 85.0))
                    .with_enforcing(percent("enforcing_failure_percentage", 0.0))
                    .with_min_hosts(get("failure_percentage_minimum_hosts", 5.0) as u32)
                    .with_request_volume(get("failure_percentage_request_volume", 50.0) as u64),
            )
    }

    fn play(&mut self, steps: &[Value]) {
        for step in steps {
            for _ in 0..step["repeat"].as_u64().unwrap_or(0) {
                self.play(step["steps"].as_array().unwrap());
            }
            self.step(step);
        }
    }

    fn step(&mut self, step: &Value) {
        let has = |key: &str| step.get(key).is_some();
        if has("add_hosts") {
            for _ in 0..step["add_hosts"].as_u64().unwrap() {
                let host = self.hosts.len() as HostId;
                self.machine.insert(host);
                self.hosts.push(host);
            }
            if !has("priority") {
                self.first_priority = self.hosts.len() as u64;
            }
        } else if has("set_config") {
            self.configure(&step["set_config"]);
        } else if has("set_time_ms") {
            self.now = self.begin + millis(&step["set_time_ms"]);
        } else if has("tick") {
            self.run(Machine::sweep);
        } else if has("remove_hosts") {
            for host in &self.hosts {
                self.machine.remove(*host);
            }
        } else if has("host") {
            self.report(step);
        } else if has("expect_event") {
            self.expect_event(&step["expect_event"]);
        } else if has("expect_ejected") {
            let expect = &step["expect_ejected"];
            let host = self.hosts[self.position(&expect["host"]) as usize];
            assert_eq!(
                self.machine.is_ejected(host),
                expect["value"] == true,
                "{step}"
            );
        } else if let Some(active) = step["expect_stat"].get("ejections_active") {
            assert_eq!(self.machine.ejected() as u64, active.as_u64().unwrap());
        } else if has("expect_cluster_rate") {
            self.expect_rate(&step["expect_cluster_rate"]);
        } else if has("expect_was_ever_unejected") {
            let expect = &step["expect_was_ever_unejected"];
            let host = self.hosts[self.position(&expect["host"]) as usize];
            let returned = self.machine.host(host).unwrap().returned().is_some();
            assert_eq!(returned, expect["value"] == true, "{step}");
        } else if has("expect_success_rate") {
            self.expect_host_rate(&step["expect_success_rate"]);
        } else {
            // The other counters are deprecated names of events, which are checked; what a policy
            // holds is not for reading back; and there is no active health check to do anything.
            assert!(
                [
                    "expect_stat",
                    "expect_config",
                    "active_health_check_result",
                    "repeat"
                ]
                .into_iter()
                .any(has),
                "{step}"
            );
        }
    }

    fn run(&mut self, act: impl FnOnce(&mut Machine, &mut Step<'_>)) {
        let mut changes = Vec::new();
        let policy = self.policy();
        let mut step = Step {
            changes: &mut changes,
            now: self.now,
            policy: &policy,
            random: &mut || 0,
        };
        act(&mut self.machine, &mut step);
        for change in changes {
            self.note(change);
        }
    }

    fn report(&mut self, step: &Value) {
        let report = match step["result"].as_str() {
            None => AttemptReport::Http(step["http"].as_u64().unwrap() as u16),
            Some("ExtOriginRequestFailed") => AttemptReport::Http(500),
            Some("ExtOriginRequestSuccess") => AttemptReport::Http(200),
            Some("LocalOriginTimeout") => AttemptReport::TimedOut,
            Some("LocalOriginConnectSuccess") => AttemptReport::Connected,
            Some("LocalOriginConnectFailed") => AttemptReport::Unreachable,
            Some(other) => panic!("{other}"),
        };
        let hosts = if step["host"] == "all" {
            self.hosts.clone()
        } else {
            vec![self.hosts[self.position(&step["host"]) as usize]]
        };
        for host in hosts {
            for _ in 0..step["n"].as_u64().unwrap() {
                self.run(|machine, step| machine.report(host, report, step));
            }
        }
    }

    /// Finds a host by its number, also one of the second priority: the limits are over all.
    fn position(&self, host: &Value) -> u64 {
        let first = self.first_priority;
        host.as_u64().unwrap_or_else(|| {
            let number = host.as_str().unwrap().strip_prefix("p1:").unwrap();
            number.parse::<u64>().unwrap() + first
        })
    }

    fn index(&self, host: HostId) -> u64 {
        self.hosts.iter().position(|known| *known == host).unwrap() as u64
    }
}

fn millis(value: &Value) -> Duration {
    Duration::from_millis(value.as_u64().unwrap())
}
