use http::{HeaderMap, HeaderName, HeaderValue};

/// A header that is written into requests over a limit that is not enforced for them.
#[derive(Clone, Debug)]
pub(crate) struct AddedHeader {
    action: AppendAction,
    name: HeaderName,
    value: HeaderValue,
}

/// Treatment of a header that is there already: Envoy's `append_action`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(
    not(feature = "istio"),
    expect(dead_code, reason = "by hand a header is only ever appended")
)]
pub(crate) enum AppendAction {
    AddIfAbsent,
    Append,
    Overwrite,
    OverwriteIfExists,
}

impl AddedHeader {
    pub(crate) const fn new(name: HeaderName, value: HeaderValue, action: AppendAction) -> Self {
        Self {
            action,
            name,
            value,
        }
    }

    #[cfg(feature = "istio")]
    pub(super) const fn name(&self) -> &HeaderName {
        &self.name
    }

    #[cfg(feature = "istio")]
    pub(super) const fn value(&self) -> &HeaderValue {
        &self.value
    }

    #[cfg(feature = "serde")]
    pub(super) const fn parts(&self) -> (AppendAction, &HeaderName, &HeaderValue) {
        (self.action, &self.name, &self.value)
    }

    pub(super) fn write(&self, headers: &mut HeaderMap) {
        let is_there = headers.contains_key(&self.name);
        match self.action {
            AppendAction::AddIfAbsent if is_there => {}
            AppendAction::OverwriteIfExists if !is_there => {}
            AppendAction::AddIfAbsent | AppendAction::Append => {
                headers.append(&self.name, self.value.clone());
            }
            AppendAction::Overwrite | AppendAction::OverwriteIfExists => {
                headers.insert(&self.name, self.value.clone());
            }
        }
    }
}

#[cfg(all(test, feature = "istio"))]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_is_there_is_treated_as_the_action_says() {
        use AppendAction::{AddIfAbsent, Append, Overwrite, OverwriteIfExists};
        let name = HeaderName::from_static("x-a");
        for (action, alone, beside) in [
            (AddIfAbsent, &["new"][..], &["old"][..]),
            (Append, &["new"], &["old", "new"]),
            (Overwrite, &["new"], &["new"]),
            (OverwriteIfExists, &[], &["new"]),
        ] {
            let header = AddedHeader::new(name.clone(), HeaderValue::from_static("new"), action);
            let mut headers = HeaderMap::new();
            header.write(&mut headers);
            assert!(headers.get_all(&name).iter().eq(alone), "{action:?}");
            headers.insert(&name, HeaderValue::from_static("old"));
            header.write(&mut headers);
            assert!(headers.get_all(&name).iter().eq(beside), "{action:?}");
        }
    }
}
