//! A breaker opens: the metric, the line in the log and the trace say so in the same words, and the metrics count what
//! the servers counted.

use http::StatusCode;
use meshless::prometheus::Format;

use super::analyze;
use crate::Result;
use crate::driver::Driver;
use crate::report::Report;
use crate::stand_ins::Fault;
use crate::witness::{self, Line};
use crate::world::World;

const ROBOFLOW: &str = "detect.roboflow.com";

/// How many failures in a row open the breaker: `consecutive5xxErrors` in `roboflow-breaker.yaml`.
const FAILURES: u128 = 5;

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let driver = Driver::new(world.settings.scale)?;
    for _ in 0..3 {
        analyze(&driver, world).of_anyone().send().await;
    }
    witness::take();
    report.say("three pictures are analysed; then Roboflow answers 500");
    let script = world.roboflow.script();
    script.always(Fault::Status(StatusCode::INTERNAL_SERVER_ERROR));
    let mut refused = 0;
    for number in 1..=FAILURES + 3 {
        // Each picture is part of a trace whose id ends in its number.
        let trace = format!("00-{number:032x}-00f067aa0ba902b7-01");
        let call = analyze(&driver, world).of_anyone();
        let answer = call.header("traceparent", trace).send().await;
        refused += u64::from(answer.is(StatusCode::SERVICE_UNAVAILABLE));
    }
    let lines = witness::take();
    let opened = lines
        .iter()
        .find(|line| line.is("event", "endpoint_ejected"));
    let text = world.policies.metrics().encode(Format::Text);
    words(opened, &text, report);
    counts(world, refused, &text, report);
    Ok(())
}

/// Compares the words of the line with those of the metric, and its trace with that of the picture.
fn words(opened: Option<&Line>, text: &str, report: &mut Report) {
    let unknown = Line::default();
    let opened = opened.unwrap_or(&unknown);
    report.say(format_args!("log:    {}", opened.get("message")));
    let reason = opened.get("reason");
    let metric = "meshless_ejections_total";
    let series = lines_of(text, metric, &[("host", ROBOFLOW)]).next();
    let of_metric = series
        .and_then(|line| label(line, "reason"))
        .unwrap_or("none");
    report.say(format_args!("metric: {metric}{{reason=\"{of_metric}\"}}"));
    let trace = opened.trace.as_deref().unwrap_or("none");
    report.say(format_args!("trace:  {trace}"));
    report.equal("reason, as in the log", reason, of_metric);
    let fifth = format!("{FAILURES:032x}");
    let is_of_fifth = trace == fifth;
    report.check(
        "trace of the line",
        "of picture 5",
        if is_of_fifth {
            "of picture 5"
        } else {
            "another"
        },
        is_of_fifth,
    );
}

/// Compares the metrics with what the servers and the user counted.
fn counts(world: &World, refused: u64, text: &str, report: &mut Report) {
    let count = |metric: &str, labels: &[(&str, &str)]| {
        let values = lines_of(text, metric, labels);
        let values = values.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok());
        values.sum::<u64>()
    };
    let requests = "istio_requests_total";
    let sent = ("reporter", "source");
    let to_roboflow = ("destination_service", ROBOFLOW);
    let reached = count(requests, &[sent, to_roboflow, ("response_flags", "-")]);
    let arrived = world.roboflow.recorder().count() as u64;
    report.equal("requests to Roboflow, by the metric", arrived, reached);
    let rejected = count(requests, &[sent, to_roboflow, ("response_flags", "UH")]);
    report.equal("requests refused, by the metric", refused, rejected);
    let rejections = [("host", ROBOFLOW), ("policy", "load_balance")];
    let rejections = count("meshless_rejections_total", &rejections);
    report.equal(
        "refusals of the breaker, by the metric",
        refused,
        rejections,
    );
    let to_waste = [
        ("reporter", "destination"),
        ("destination_workload", "waste-service"),
    ];
    let of_waste = world.waste.recorder().count() as u64;
    report.equal(
        "requests to waste, by the metric",
        of_waste,
        count(requests, &to_waste),
    );
    let users = [
        sent,
        ("destination_workload", "users-service"),
        ("source_workload", "waste-service"),
    ];
    let of_users = world.users.arrivals().len() as u64;
    report.equal(
        "lookups at users, by the metric",
        of_users,
        count(requests, &users),
    );
}

/// Returns the lines of a metric with these labels.
fn lines_of<'a>(
    text: &'a str,
    metric: &'a str,
    labels: &'a [(&str, &str)],
) -> impl Iterator<Item = &'a str> {
    let lines = text.lines().filter(move |line| {
        line.strip_prefix(metric)
            .is_some_and(|rest| rest.starts_with('{'))
    });
    lines.filter(|line| {
        labels
            .iter()
            .all(|(name, value)| label(line, name) == Some(value))
    })
}

fn label<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let mut labels = line
        .split(['{', ','])
        .filter_map(|label| label.split_once("=\""));
    let (_, value) = labels.find(|(known, _)| *known == name)?;
    value.split('"').next()
}

impl Line {
    fn get(&self, name: &str) -> &str {
        self.fields.get(name).map_or("none", String::as_str)
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.get(name) == value
    }
}
