//! Endpoints behind TLS: who is asked for, who is trusted, and how a refusal is recognised.
#![cfg(test)]
