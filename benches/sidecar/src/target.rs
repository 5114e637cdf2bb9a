/// Where calls are sent, and through what.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) outbound: bool,
    pub(crate) port: u16,
    /// The proxies in between.
    pub(crate) proxies: Vec<u32>,
}

impl Target {
    pub(crate) fn parse(text: &str) -> Self {
        let (name, place) = text.split_once('=').expect("name=port");
        let outbound = place.ends_with("+outbound");
        let place = place.trim_end_matches("+outbound");
        let (port, proxies) = place.split_once(':').unwrap_or((place, ""));
        let proxies = proxies.split(',').filter(|pid| !pid.is_empty());
        Self {
            name: name.to_owned(),
            outbound,
            port: port.parse().expect("a port"),
            proxies: proxies.map(|pid| pid.parse().expect("a pid")).collect(),
        }
    }
}
