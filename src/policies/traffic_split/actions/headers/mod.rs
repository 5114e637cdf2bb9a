pub(in crate::policies::traffic_split) mod header_format;
pub(in crate::policies::traffic_split) mod start_time;
pub(in crate::policies::traffic_split) mod template;

use std::sync::Arc;

use http::{HeaderMap, HeaderName, Request};

use crate::foundation::http::RequestHead;
use crate::policies::traffic_split::HeaderFormat;

/// What is done to headers: first some are removed, then some set, then some added.
///
/// That is Envoy's order, so a name that is both removed and set ends up set. A clone costs an
/// atomic increment.
#[derive(Clone, Debug, Default)]
pub struct HeaderOperations(Option<Arc<Operations>>);

#[derive(Clone, Debug, Default)]
struct Operations {
    add: Vec<(HeaderName, HeaderFormat)>,
    remove: Vec<HeaderName>,
    set: Vec<(HeaderName, HeaderFormat)>,
}

impl HeaderOperations {
    /// Adds a value to those that the header has.
    #[must_use]
    pub fn with_add(mut self, name: HeaderName, value: impl Into<HeaderFormat>) -> Self {
        self.operations().add.push((name, value.into()));
        self
    }

    /// Removes every value of the header.
    #[must_use]
    pub fn with_remove(mut self, name: HeaderName) -> Self {
        self.operations().remove.push(name);
        self
    }

    /// Sets the header's only value.
    #[must_use]
    pub fn with_set(mut self, name: HeaderName, value: impl Into<HeaderFormat>) -> Self {
        self.operations().set.push((name, value.into()));
        self
    }

    /// Says that nothing is done.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Fills in what values take from the request, for a time when it will be gone.
    pub(in crate::policies::traffic_split) fn resolved(&self, head: RequestHead<'_>) -> Self {
        let Some(operations) = &self.0 else {
            return Self(None);
        };
        let mut fields = operations.add.iter().chain(&operations.set);
        if fields.all(|(_, format)| format.is_literal()) {
            return self.clone();
        }
        let resolve = |fields: &[(HeaderName, HeaderFormat)]| {
            let fields = fields.iter();
            fields
                .filter_map(|(name, format)| Some((name.clone(), format.value(head)?.into())))
                .collect()
        };
        Self(Some(Arc::new(Operations {
            add: resolve(&operations.add),
            remove: operations.remove.clone(),
            set: resolve(&operations.set),
        })))
    }

    /// Does it to the headers of a response; what values take from the request is filled in.
    pub(in crate::policies::traffic_split) fn apply_to_response(&self, headers: &mut HeaderMap) {
        let Some(operations) = &self.0 else {
            return;
        };
        for name in &operations.remove {
            headers.remove(name);
        }
        for (name, format) in &operations.set {
            if let Some(value) = format.literal() {
                headers.insert(name, value.clone());
            }
        }
        for (name, format) in &operations.add {
            if let Some(value) = format.literal() {
                headers.append(name, value.clone());
            }
        }
    }

    /// Does it to the headers of `request`.
    pub(in crate::policies::traffic_split) fn apply_to_request<B>(&self, request: &mut Request<B>) {
        let Some(operations) = &self.0 else {
            return;
        };
        for name in &operations.remove {
            request.headers_mut().remove(name);
        }
        for (name, format) in &operations.set {
            if let Some(value) = format.value(RequestHead::of(request)) {
                request.headers_mut().insert(name, value);
            }
        }
        for (name, format) in &operations.add {
            if let Some(value) = format.value(RequestHead::of(request)) {
                request.headers_mut().append(name, value);
            }
        }
    }

    pub(in crate::policies::traffic_split) const fn none() -> Self {
        Self(None)
    }

    fn operations(&mut self) -> &mut Operations {
        Arc::make_mut(self.0.get_or_insert_default())
    }
}
