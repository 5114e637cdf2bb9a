//! Counters and gauges of the policies' decisions, by the events that report them.

mod decision;
mod decision_table;

pub(in crate::integrations::prometheus) use decision_table::{DecisionTable, Sample};
