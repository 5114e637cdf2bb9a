//! Tokens of requests, as callers and the service inside see them.

mod keys;
mod recorded;
mod requests;
mod support;
