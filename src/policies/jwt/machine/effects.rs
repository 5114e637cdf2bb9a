use std::sync::Arc;

use http::header::Entry;
use http::uri::PathAndQuery;
use http::{HeaderMap, Request, Uri, header};

use super::compiled::{Compiled, Place};
use super::extract::{without_cookie, without_param};
use crate::policies::jwt::cache::Verified;

/// Changes of a request by its verified tokens, in the order in which they were verified.
#[derive(Debug, Default)]
pub(in crate::policies::jwt) struct Effects {
    /// The first apart, so that the usual request with one token needs no memory.
    first: Option<Effect>,
    more: Vec<Effect>,
}

#[derive(Debug)]
struct Effect {
    /// False if its rule was evaluated once more, which begins by removing these headers.
    has_outputs: bool,
    place: usize,
    rule: usize,
    verified: Arc<Verified>,
}

impl Effects {
    pub(super) const fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(super) const fn len(&self) -> usize {
        if self.first.is_none() {
            0
        } else {
            1 + self.more.len()
        }
    }

    /// Begins the evaluation of a rule.
    pub(super) fn begin(&mut self, rule: usize) {
        let all = self.first.iter_mut().chain(&mut self.more);
        for effect in all.filter(|effect| effect.rule == rule) {
            effect.has_outputs = false;
        }
    }

    /// Adds a verified token.
    pub(super) fn add(&mut self, rule: usize, place: usize, verified: Arc<Verified>) {
        let effect = Effect {
            has_outputs: true,
            place,
            rule,
            verified,
        };
        if self.first.is_none() {
            self.first = Some(effect);
        } else {
            self.more.push(effect);
        }
    }

    /// Returns true if one of the first `count` tokens is removed from this place.
    pub(super) fn removes(&self, compiled: &Compiled, count: usize, place: &Place) -> bool {
        let mut before = self.all().take(count);
        before.any(|effect| {
            let rule = &compiled.rules[effect.rule];
            if rule.forwards_token {
                return false;
            }
            match (&rule.places[effect.place], place) {
                // A whole header is removed, whatever the prefix.
                (Place::Header { name: gone, .. }, Place::Header { name, .. }) => gone == name,
                // Envoy leaves cookies where they are.
                (Place::Cookie(_), _) => false,
                (gone, place) => gone == place,
            }
        })
    }

    /// Applies them to a request without the headers that the rules write.
    pub(in crate::policies::jwt) fn apply<B>(&self, compiled: &Compiled, request: &mut Request<B>) {
        for effect in self.all() {
            let rule = &compiled.rules[effect.rule];
            if !rule.forwards_token {
                match &rule.places[effect.place] {
                    Place::Cookie(_) if compiled.envoy => {}
                    Place::Cookie(name) => remove_cookie(request.headers_mut(), name),
                    Place::Header { name, .. } => {
                        request.headers_mut().remove(name);
                    }
                    Place::Param(name) => remove_param(request.uri_mut(), name),
                }
            }
            if effect.has_outputs {
                for (name, value) in &effect.verified.outputs {
                    request.headers_mut().append(name, value.clone());
                }
            }
        }
        // Of several tokens the last one that was verified counts.
        if let Some(last) = self.more.last().or(self.first.as_ref()) {
            let claims = last.verified.claims.clone();
            request.extensions_mut().insert(claims);
        }
    }

    fn all(&self) -> impl Iterator<Item = &Effect> {
        self.first.iter().chain(&self.more)
    }
}

impl Compiled {
    /// Removes the headers that the rules write, so that a caller cannot bring them.
    pub(in crate::policies::jwt) fn sanitize(&self, headers: &mut HeaderMap) {
        for name in &self.written {
            headers.remove(name);
        }
    }
}

fn remove_cookie(headers: &mut HeaderMap, name: &str) {
    let Entry::Occupied(fields) = headers.entry(header::COOKIE) else {
        return;
    };
    let (_, fields) = fields.remove_entry_mult();
    let kept: Vec<_> = fields
        .filter_map(|field| without_cookie(field.as_bytes(), name))
        .collect();
    for field in kept {
        headers.append(header::COOKIE, field);
    }
}

fn remove_param(uri: &mut Uri, name: &str) {
    let Some(query) = uri.query() else { return };
    let target = match without_param(query, name) {
        Some(rest) => format!("{}?{rest}", uri.path()),
        None => uri.path().to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    // Parts of a valid target are valid.
    let Ok(target) = PathAndQuery::try_from(target) else {
        return;
    };
    parts.path_and_query = Some(target);
    if let Ok(changed) = Uri::from_parts(parts) {
        *uri = changed;
    }
}
