use super::authorization::reject_empty_items;
use crate::istio::api::security::{Action, AuthOperation};
use crate::istio::syntax::shorten::shorten;
use crate::istio::validation::Validator;
use crate::policies::authorization::check_path_template;

pub(in crate::istio::validation) fn operation(
    c: &mut Validator<'_>,
    operation: &AuthOperation,
    action: Action,
) {
    let ports = [&operation.ports, &operation.not_ports];
    let http = [
        &operation.hosts,
        &operation.not_hosts,
        &operation.methods,
        &operation.not_methods,
        &operation.paths,
        &operation.not_paths,
    ];
    let all = http.iter().chain(&ports);
    if all.clone().all(|texts| texts.is_empty()) {
        c.reject(
            operation.at,
            "the operation is empty",
            "write what it must be",
        );
    }
    for texts in all {
        reject_empty_items(c, texts);
    }
    for port in ports.into_iter().flatten().filter(|p| !p.value.is_empty()) {
        if !is_port(&port.value) {
            let message = format!("`{}` is no port", shorten(&port.value));
            c.reject(port.at, message, "write a port from 1 to 65535");
        }
    }
    for path in operation.paths.iter().chain(&operation.not_paths) {
        // A template has `{*}` for one segment and `{**}` for any number, alone in their segment.
        let is_bad =
            |segment: &str| segment.contains(['{', '}']) && segment != "{*}" && segment != "{**}";
        let mixes = path.value.contains("{*")
            && path
                .value
                .replace("{*}", "")
                .replace("{**}", "")
                .contains('*');
        if path.value.split('/').any(is_bad) || mixes {
            let message = format!("`{}` is no template of a path", shorten(&path.value));
            c.reject(
                path.at,
                message,
                "write `{*}` or `{**}` as a segment of its own",
            );
        } else if let Some(error) = check_path_template(&path.value) {
            let message = format!(
                "Envoy refuses the template `{}`: {}",
                shorten(&path.value),
                error.reason()
            );
            let help = "write segments of letters, digits, `{*}` and, behind them all, `{**}`";
            c.reject(path.at, message, help);
        }
    }
    let is_http = http.iter().any(|texts| !texts.is_empty());
    if action == Action::Deny && is_http && operation.ports.is_empty() {
        let message = "on a port that is not HTTP this denies everything";
        c.warn(
            operation.at,
            message,
            "nothing is denied",
            "write `ports` too",
        );
    }
}

pub(in crate::istio::validation) fn is_port(text: &str) -> bool {
    text.parse()
        .is_ok_and(|port: u32| (1..=65_535).contains(&port))
}
