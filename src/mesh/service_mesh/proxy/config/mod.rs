//! Configuration of a proxy: a source, and what is made of it.

pub(crate) mod config_source;
pub(crate) mod indexed_outbound;
pub(crate) mod proxy_config;
