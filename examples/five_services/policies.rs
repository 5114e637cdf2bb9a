//! The folder of policies: `examples/policies`, copied to a place of its own, where the ports and the
//! periods are those of this run. The running services follow the copy.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use meshless::Mesh;
use meshless::mesh::Watch;
use meshless::prometheus::Metrics;
use meshless::telemetry::TracePolicy;
use tokio::time::sleep;

use crate::Result;
use crate::args::Part;
use crate::scale::{self, Scale};
use crate::world::Settings;

/// The folder that is copied, which is as it would be in production.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/policies");

/// The split between the versions of waste.
const SPLIT: &str = "waste-ab-and-canary.yaml";

/// Within which time the services have to follow a change.
const WITHIN: Duration = Duration::from_secs(1);

/// The policies that the services of one world go by.
#[derive(Debug)]
pub(crate) struct Policies {
    folder: Folder,
    mesh: Mesh,
    metrics: Metrics,
    settings: Settings,
    /// None if what is written is not to be followed.
    _watch: Option<Watch>,
}

impl Policies {
    /// Copies the folder, with real ports in the places of written ones, and loads it.
    pub(crate) fn deploy(settings: Settings, ports: &[(u16, u16)]) -> Result<Self> {
        let folder = Folder::new()?;
        for file in fs::read_dir(FOLDER)? {
            let file = file?;
            let name = file.file_name();
            let name = name.to_string_lossy();
            if !name.ends_with(".yaml") || is_left_out(settings, &name) {
                continue;
            }
            let text = fs::read_to_string(file.path())?;
            let text = with_ports(&with_periods(&text, settings.scale), ports);
            fs::write(folder.0.join(&*name), switched_off(settings, text))?;
        }
        let trace = settings.policy(Part::Trace, TracePolicy::default(), TracePolicy::off());
        // The same choices in every run of this example: leave the seed out elsewhere.
        let mesh = Mesh::builder().with_seed(1).with_trace(trace);
        // The stand-ins of the external APIs tell retries by Envoy's headers; real ones are not to see any.
        let mesh = mesh.with_internal_headers_everywhere(true);
        let metrics = Metrics::default();
        let mesh = if settings.is_broken(Part::Seen) {
            mesh
        } else {
            mesh.with_metrics(&metrics)
        };
        let mesh = mesh.read_path(&folder.0)?;
        // Switched off: what is written later is not heeded.
        let ignoring = [Part::Authorization, Part::Faults, Part::Split];
        let is_ignored = ignoring.iter().any(|part| settings.is_broken(*part));
        let watch = (!is_ignored).then(|| mesh.watch(&folder.0)).transpose()?;
        Ok(Self {
            folder,
            mesh,
            metrics,
            settings,
            _watch: watch,
        })
    }

    pub(crate) const fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// Returns what was counted in this world.
    pub(crate) const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Returns the folder of the copy, for edits by hand.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// Gives v2 of waste so much of a hundred and v1 the rest, by the file that says it; returns how long it
    /// took until the services followed.
    pub(crate) async fn give_v2(&self, percent: u32) -> Result<Followed> {
        let text = fs::read_to_string(self.folder.0.join(SPLIT))?;
        let mut weights = [100 - percent, percent].into_iter();
        let lines = text.lines().map(|line| match line.split_once("weight: ") {
            Some((before, _)) => {
                let weight = weights.next().unwrap_or_default();
                format!("{before}weight: {weight}\n")
            }
            None => format!("{line}\n"),
        });
        let text = lines.collect::<String>();
        self.write(SPLIT, &text).await
    }

    /// Writes `more` to the end of the split between the versions of waste, where its last route is.
    pub(crate) async fn add_to_split(&self, more: &str) -> Result<Followed> {
        if self.settings.is_broken(Part::Mirror) {
            return Ok(Followed::default());
        }
        let text = fs::read_to_string(self.folder.0.join(SPLIT))?;
        self.write(SPLIT, &format!("{text}{more}")).await
    }

    /// Takes `more` from the end of the split again.
    pub(crate) async fn take_from_split(&self, more: &str) -> Result<Followed> {
        let text = fs::read_to_string(self.folder.0.join(SPLIT))?;
        self.write(SPLIT, text.strip_suffix(more).unwrap_or(&text))
            .await
    }

    /// Writes a file, and waits until the services follow it, or ought to; returns how long that took.
    pub(crate) async fn write(&self, name: &str, text: &str) -> Result<Followed> {
        let path = self.folder.0.join(name);
        if fs::read_to_string(&path).is_ok_and(|old| old == text) {
            return Ok(Followed::default());
        }
        self.change(|| fs::write(path, text)).await
    }

    /// Removes a file, and waits as [`write`](Self::write) does.
    pub(crate) async fn remove(&self, name: &str) -> Result<Followed> {
        let path = self.folder.0.join(name);
        self.change(|| fs::remove_file(path)).await
    }

    /// Says that waste has one endpoint more, at this port of this machine.
    pub(crate) async fn announce(&self, port: u16) -> Result<Followed> {
        let name = "where-services-listen.yaml";
        let text = fs::read_to_string(self.folder.0.join(name))?;
        // The first endpoints there are those of waste.
        let list = "  endpoints:\n";
        let more = format!("{list}  - address: 127.0.0.1\n    ports:\n      http: {port}\n");
        self.write(name, &text.replacen(list, &more, 1)).await
    }

    async fn change(&self, change: impl FnOnce() -> std::io::Result<()>) -> Result<Followed> {
        const STEP: Duration = Duration::from_millis(5);
        let version = self.mesh.version();
        let begin = scale::now();
        change()?;
        // Longer than they ought to take: a busy machine is no reason to measure nothing afterwards.
        let patience = if self.settings.broken().is_some() {
            WITHIN
        } else {
            5 * WITHIN
        };
        let mut late = Duration::ZERO;
        while self.mesh.version() == version && scale::now() - begin < patience {
            let asleep = scale::now();
            sleep(STEP).await;
            late += (scale::now() - asleep).saturating_sub(STEP);
        }
        let took = scale::now() - begin;
        Ok(Followed {
            in_time: self.mesh.version() != version && took.saturating_sub(late) <= WITHIN,
            took,
        })
    }
}

/// How a change was followed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Followed {
    /// Within a second, not counting by how much this process was itself kept waiting on a busy machine.
    pub(crate) in_time: bool,
    pub(crate) took: Duration,
}

/// A folder of its own, which goes with it.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("five-services-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // One that was killed may have left its own, under a number that is used again.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left lies in the system's folder for such.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Puts this run's ports in the places of the written ones.
fn with_ports(text: &str, ports: &[(u16, u16)]) -> String {
    let lines = text.lines().map(|line| {
        let port = line.trim_start().strip_prefix("http: ");
        let real = port.and_then(|port| ports.iter().find(|(old, _)| *port == old.to_string()));
        match real {
            Some((old, real)) => line.replace(&old.to_string(), &real.to_string()) + "\n",
            None => line.to_owned() + "\n",
        }
    });
    lines.collect()
}

/// Shortens the periods, of which tokens, ejections and the longest wait have one, by the scale.
fn with_periods(text: &str, scale: Scale) -> String {
    const PERIODS: [&str; 4] = ["baseEjectionTime", "duration", "fill_interval", "interval"];
    let lines = text.lines().map(|line| {
        let (key, value) = line.split_once(": ").unwrap_or((line, ""));
        let seconds = value.strip_suffix('s').and_then(|value| value.parse().ok());
        let is_period = PERIODS.contains(&key.trim_start()) || line == "    timeout: 15s";
        match seconds.filter(|_| is_period) {
            Some(seconds) => format!("{key}: {}ms\n", scale.seconds(seconds).as_millis()),
            None => format!("{line}\n"),
        }
    });
    lines.collect()
}

/// Says that a file is what `--break` switched off.
fn is_left_out(settings: Settings, name: &str) -> bool {
    let part = match name {
        "kakao-map.yaml" => Part::Timeout,
        "llm-rate-limit.yaml" | "llm-rate-limit-not-for-waste.yaml" => Part::RateLimit,
        "roboflow-breaker.yaml" => Part::Breaker,
        _ => return false,
    };
    settings.is_broken(part)
}

/// Takes out of a document what `--break` switched off.
fn switched_off(settings: Settings, text: String) -> String {
    let (mark, old, new) = match settings.broken() {
        Some(Part::Endpoints) => (
            "name: users-service",
            "consecutive5xxErrors: 5",
            "consecutive5xxErrors: 0",
        ),
        Some(Part::Ingress) => (
            "kind: Gateway",
            "attempts: 3\n      perTryTimeout: 2s",
            "attempts: 0",
        ),
        Some(Part::Retry) => (
            "name: users-service",
            "attempts: 2\n      retryOn: connect-failure,refused-stream,reset,503",
            "attempts: 0",
        ),
        _ => return text,
    };
    if text.contains(mark) {
        text.replace(old, new)
    } else {
        text
    }
}
