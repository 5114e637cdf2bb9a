//! Policies in a service's own file, applied again when it changes: `cargo run --example config --features serde`.

use std::convert::Infallible;
use std::error::Error;
use std::fs;
use std::path::PathBuf;

use http::{Request, Response};
use meshless::mesh::{Outbound, OutboundPolicy};
use meshless::retry::ReplayBody;
use serde::Deserialize;
use tower::{Layer, ServiceExt, service_fn};

/// The service's own configuration, of which the policies are a part.
#[derive(Deserialize)]
struct Config {
    models: OutboundPolicy,
}

/// A file, its text when it was last applied, and the stack that it configures.
struct Configured {
    path: PathBuf,
    text: String,
    models: Outbound,
}

impl Configured {
    fn open(path: PathBuf) -> Result<Self, Box<dyn Error>> {
        let text = fs::read_to_string(&path)?;
        let config: Config = toml::from_str(&text)?;
        let models = config.models.into();
        Ok(Self { path, text, models })
    }

    /// Applies the file if it changed. After an error everything stays as it was.
    fn reload(&mut self) -> Result<bool, Box<dyn Error>> {
        let text = fs::read_to_string(&self.path)?;
        if text == self.text {
            return Ok(false);
        }
        let config: Config = toml::from_str(&text)?;
        self.models.reconfigure(config.models);
        self.text = text;
        Ok(true)
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::temp_dir().join(format!("meshless-config-{}.toml", std::process::id()));
    fs::write(&path, "models.attempt_limit.limit = { per_minute = 1 }")?;
    let mut configured = Configured::open(path.clone())?;
    let model = service_fn(|_: Request<ReplayBody<String>>| async {
        Ok::<_, Infallible>(Response::new(String::new()))
    });
    let client = configured.models.layer(model);
    let call = || client.clone().oneshot(Request::new(String::new()));

    // 1 of 1 is used; then 1 of 3 is, for the state stays.
    let mut statuses = vec![call().await?.status(), call().await?.status()];
    fs::write(&path, "models.attempt_limit.limit = { per_minute = 3 }")?;
    assert!(configured.reload()? && !configured.reload()?);
    statuses.extend([
        call().await?.status(),
        call().await?.status(),
        call().await?.status(),
    ]);
    println!("{statuses:?}");
    assert_eq!(statuses, [200, 429, 200, 200, 429]);

    fs::write(&path, "models.timeout.total = 30")?;
    let error = configured.reload().err().ok_or("30 of what?")?;
    println!("{error}");
    assert!(
        error
            .to_string()
            .contains("timeout.total: `30` is not a duration")
    );
    fs::remove_file(&path)?;
    Ok(())
}
