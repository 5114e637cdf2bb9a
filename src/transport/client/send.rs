use std::future::poll_fn;
use std::pin::pin;

use http::{Extensions, HeaderMap, Method, Request, Uri, Version};
use reqwest::Url;

use super::request::redirect;
use super::request::redirect::{Next, RedirectContext, Verdict};
use super::transport::Redirected;
use super::{Body, Error, HttpService, Response};
use crate::foundation::outcome::{Cause, Outcome, Rejection, attempts};

/// Sends `request` through `stack`, following at most `max` redirects; each of them passes the
/// whole stack again.
pub(super) async fn send<S: HttpService>(
    mut stack: S,
    mut request: Request<Body>,
    mut url: Url,
    max: usize,
) -> Result<Response<S::ResponseBody>, Error> {
    for hops in 0.. {
        // The stack consumes the request, so a redirect needs a copy of it.
        let copy = (max > 0).then(|| RequestSnapshot::of(&request));
        let (response, attempts) = match call(&mut stack, request).await {
            (Ok(response), attempts) => (response, attempts),
            (Err(error), attempts) => return Err(Error::send(error, Box::new(url), attempts)),
        };
        if let Some(&rejection) = Rejection::of(&response)
            // An injected fault is to look like a response of the upstream.
            && !matches!(rejection.outcome(), Outcome::Status(_))
        {
            let url = Some(Box::new(url));
            let cause = Cause::of(&response).cloned();
            return Err(Error::Rejected {
                attempts,
                cause,
                rejection,
                url,
            });
        }
        let verdict = copy.as_ref().map_or(Verdict::Keep, |copy| {
            let context = copy.redirect_context(hops, &url);
            redirect::decide(context, response.status(), response.headers(), max)
        });
        match (verdict, copy) {
            (Verdict::Follow(next), Some(copy)) => {
                // Dropped first: permits that the layers hold for this response are free before the
                // next hop needs them.
                drop(response);
                request = copy.into_next(&url, &next)?;
                url = next.url;
            }
            (Verdict::Fail(refusal), _) => {
                let url = Some(Box::new(url));
                let source = refusal.into();
                return Err(Error::Redirect { source, url });
            }
            (Verdict::Follow(_) | Verdict::Keep, _) => {
                let url = match response.extensions().get() {
                    Some(Redirected(last)) => last.clone(),
                    None => url,
                };
                return Ok(Response::new(response, url));
            }
        }
    }
    unreachable!("`redirect::decide` follows at most `max` redirects")
}

/// Waits until the stack is ready, then calls it; returns the number of attempts too.
async fn call<S: HttpService>(
    stack: &mut S,
    request: Request<Body>,
) -> (Result<S::Response, S::Error>, u32) {
    if let Err(error) = poll_fn(|cx| stack.poll_ready(cx)).await {
        return (Err(error), 0);
    }
    let mut response = pin!(stack.call(request));
    poll_fn(|cx| {
        // What another request has noted since is not this one's.
        attempts::take();
        response
            .as_mut()
            .poll(cx)
            .map(|ended| (ended, attempts::take()))
    })
    .await
}

/// Copy of a request, kept to follow a redirect.
struct RequestSnapshot {
    body: Option<Body>,
    extensions: Extensions,
    headers: HeaderMap,
    method: Method,
    version: Version,
}

impl RequestSnapshot {
    fn of(request: &Request<Body>) -> Self {
        Self {
            // `None` for a stream, which cannot be sent twice.
            body: request.body().try_clone(),
            extensions: request.extensions().clone(),
            headers: request.headers().clone(),
            method: request.method().clone(),
            version: request.version(),
        }
    }

    const fn redirect_context<'a>(&'a self, hops: usize, url: &'a Url) -> RedirectContext<'a> {
        RedirectContext {
            hops,
            repeatable: self.body.is_some(),
            method: &self.method,
            url,
        }
    }

    fn into_next(mut self, from: &Url, next: &Next) -> Result<Request<Body>, Error> {
        redirect::adapt(&mut self.headers, from, next);
        // After 303, and for a `POST` after 301 and 302, the next request has no body.
        let body = self.body.filter(|_| next.body).unwrap_or_default();
        let mut request = Request::new(body);
        *request.extensions_mut() = self.extensions;
        *request.headers_mut() = self.headers;
        *request.method_mut() = next.method.clone();
        *request.uri_mut() = to_uri(&next.url)?;
        *request.version_mut() = self.version;
        Ok(request)
    }
}

/// Converts `url` to the URI of a request, without its fragment.
pub(super) fn to_uri(url: &Url) -> Result<Uri, Error> {
    url.as_str().parse().map_err(Error::builder)
}
