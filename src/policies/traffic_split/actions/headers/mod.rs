#[cfg(feature = "serde")]
mod config;
pub(in crate::policies::traffic_split) mod header_format;
pub(in crate::policies::traffic_split) mod start_time;

use std::sync::Arc;

use http::{HeaderMap, HeaderName, Request};

use crate::foundation::http::RequestHead;
use crate::policies::traffic_split::HeaderFormat;

/// Changes to headers: first names are removed, then values set, then values added.
///
/// This is Envoy's order, so a name that is both removed and set ends up set. A clone costs an
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
    /// Adds a value to the existing values of the header.
    #[must_use]
    pub fn with_add(mut self, name: HeaderName, value: impl Into<HeaderFormat>) -> Self {
        self.operations().add.push((name, value.into()));
        self
    }

    /// Removes all values of the header.
    #[must_use]
    pub fn with_remove(mut self, name: HeaderName) -> Self {
        self.operations().remove.push(name);
        self
    }

    /// Replaces all values of the header by this one.
    #[must_use]
    pub fn with_set(mut self, name: HeaderName, value: impl Into<HeaderFormat>) -> Self {
        self.operations().set.push((name, value.into()));
        self
    }

    /// Returns true if there are no changes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Fills in the parts from the request, for use after the request is gone.
    pub(in crate::policies::traffic_split) fn resolved(&self, head: RequestHead<'_>) -> Self {
        let Some(operations) = &self.0 else {
            return Self(None);
        };
        let mut fields = operations.add.iter().chain(&operations.set);
        // The usual case: literals need no copy, only another reference.
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

    /// Applies the changes to the headers of a response, after [`resolved`](Self::resolved).
    pub(in crate::policies::traffic_split) fn apply_to_response(&self, headers: &mut HeaderMap) {
        let Some(operations) = &self.0 else {
            return;
        };
        for name in &operations.remove {
            headers.remove(name);
        }
        // Literals only: `resolved` has filled in the templates.
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

    /// Applies the changes to the headers of `request`, and fills in the parts from it.
    pub(in crate::policies::traffic_split) fn apply_to_request<B>(&self, request: &mut Request<B>) {
        let Some(operations) = &self.0 else {
            return;
        };
        for name in &operations.remove {
            request.headers_mut().remove(name);
        }
        for (name, format) in &operations.set {
            // Read for each header: an earlier one may have changed a header that this value refers
            // to.
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
