//! What formats, pages and the full-screen view are put together from: tables, units, labels,
//! sentences.

pub mod display_filter;
pub mod escape;
mod facts;
pub mod flow_line;
mod frames;
pub mod inputs;
pub mod interfaces;
pub mod labels;
pub mod layout;
pub mod markdown;
pub mod processes;
pub mod report_table;
pub mod selection;
pub mod servers;
pub mod sorting;
pub mod tenant;
pub mod units;
pub mod why;
