/// Text form of metrics.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Format {
    /// `OpenMetrics` 1.0, with exemplars.
    OpenMetrics,
    /// Prometheus' text format 0.0.4.
    #[default]
    Text,
}

impl Format {
    /// Chooses the format that an `Accept` header prefers. The default, also for an unreadable header, is
    /// [`Text`](Self::Text).
    #[must_use]
    pub fn of_accept(accept: &str) -> Self {
        let ranges = accept.split(',').filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let format = match parts.next()? {
                "application/openmetrics-text" => Self::OpenMetrics,
                "text/plain" | "text/*" | "*/*" => Self::Text,
                _ => return None,
            };
            let quality =
                parts.find_map(|part| part.strip_prefix("q=")?.trim().parse::<f32>().ok());
            Some((quality.unwrap_or(1.0), format))
        });
        // The first of those that are wanted alike.
        let best = ranges.fold(None, |best: Option<(f32, Self)>, range| match best {
            Some(best) if best.0 >= range.0 => Some(best),
            _ => Some(range),
        });
        best.filter(|(quality, _)| *quality > 0.0)
            .map_or_else(Self::default, |(_, format)| format)
    }

    /// Returns the value of `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prometheus_gets_openmetrics_and_a_browser_plain_text() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;\
                          version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(Format::of_accept(prometheus), Format::OpenMetrics);
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for accept in [
            browser,
            "",
            "*/*",
            "application/json",
            "text/plain;q=0",
            "\u{e9};q=x",
        ] {
            assert_eq!(Format::of_accept(accept), Format::Text, "{accept}");
        }
        let text_first = "text/plain;version=0.0.4,application/openmetrics-text;q=0.5";
        assert_eq!(Format::of_accept(text_first), Format::Text);
    }
}
