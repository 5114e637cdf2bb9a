//! The name that was meant by one that is not known: the only place that knows how names are compared.

/// Returns the name that was probably meant: the nearest, if it is near at all.
pub(in crate::istio) fn suggest<'a>(
    given: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // Longer than any field name, and the comparison is quadratic in the length.
    if given.len() > 64 {
        return None;
    }
    names
        .into_iter()
        .map(|name| (distance(given, name), name))
        .filter(|(distance, name)| *distance <= name.len().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Says whether the one differs from the other by a letter, by its case, or by an ending.
pub(in crate::istio) fn is_slip(one: &str, two: &str) -> bool {
    distance(one, two) <= 1
}

/// Returns the name of a host, a subset or a namespace that was probably meant: a letter or two away.
///
/// Names that differ in a number or in a short part, such as `v1`, are different names.
pub(in crate::istio) fn misspelt<'a>(
    given: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let near = |name: &&str| {
        let most = 1 + usize::from(given.len().min(name.len()) >= 8);
        let is_long = given.len().max(name.len()) > 255;
        !is_long
            && given.len().abs_diff(name.len()) <= most
            && given != *name
            && !are_siblings(given, name)
            && strsim::osa_distance(given, name) <= most
    };
    names
        .into_iter()
        .filter(near)
        .min_by_key(|name| (strsim::osa_distance(given, name), *name))
}

/// Says whether two names differ by a part that is made to differ.
fn are_siblings(one: &str, two: &str) -> bool {
    let parts = |name: &'_ str| -> Vec<String> {
        let parts = name.split(|c: char| !c.is_ascii_alphanumeric());
        parts.map(str::to_owned).collect()
    };
    let (one, two) = (parts(one), parts(two));
    if one.len() != two.len() {
        return false;
    }
    one.iter().zip(&two).filter(|(a, b)| a != b).any(|(a, b)| {
        let is_short = a.len().min(b.len()) < 4;
        let number = |part: &str| {
            part.chars()
                .filter(char::is_ascii_digit)
                .collect::<String>()
        };
        is_short || number(a) != number(b)
    })
}

/// Counts the letters to insert, drop, replace or swap; the endings of plurals count for nothing.
fn distance(one: &str, two: &str) -> usize {
    let (one, two) = (plain(one), plain(two));
    let endings = strsim::osa_distance(singular(&one).as_str(), singular(&two).as_str());
    endings.min(strsim::osa_distance(&one, &two))
}

fn plain(name: &str) -> String {
    name.replace(['_', '-'], "").to_ascii_lowercase()
}

fn singular(name: &str) -> String {
    if let Some(stem) = name.strip_suffix("ies") {
        return format!("{stem}y");
    }
    let sibilant = ["ches", "shes", "sses", "xes"];
    let stem = match name.strip_suffix("es") {
        Some(stem) if sibilant.iter().any(|end| name.ends_with(end)) => stem,
        _ => name.strip_suffix('s').unwrap_or(name),
    };
    stem.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_the_name_that_was_meant() {
        let names = ["attempts", "perTryTimeout", "retryOn", "timeout"];
        for (given, expected) in [
            ("atempts", Some("attempts")),
            ("per_try_timout", Some("perTryTimeout")),
            ("PERTRYTIMEOUT", Some("perTryTimeout")),
            ("tiemout", Some("timeout")),
            ("minRequestVolume", None),
            ("", None),
        ] {
            assert_eq!(suggest(given, names), expected, "{given}");
        }
    }

    #[test]
    fn a_misspelt_host_is_told_from_another_one() {
        let known = [
            "reviews.shop.svc.cluster.local",
            "db",
            "users-v1",
            "api.example.com",
        ];
        for (given, expected) in [
            ("revews.shop.svc.cluster.local", Some(known[0])),
            ("reviews.shpo.svc.cluster.local", Some(known[0])),
            ("reviews.other.svc.cluster.local", None),
            ("dc", None),
            ("users-v2", None),
            ("user-v1", Some("users-v1")),
            ("api.exmaple.com", Some("api.example.com")),
            ("web.example.com", None),
            ("db", None),
        ] {
            assert_eq!(misspelt(given, known), expected, "{given}");
        }
    }

    #[test]
    fn a_plural_is_no_other_name() {
        for (given, meant) in [
            ("matches", "match"),
            ("retry", "retries"),
            ("routes", "route"),
            ("timeouts", "timeout"),
        ] {
            assert!(is_slip(given, meant), "{given}");
        }
        assert!(!is_slip("outlierDetection", "trafficPolicy"));
    }
}
