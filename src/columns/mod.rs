//! The columns of a table of flows: one row per flow, with its own verdict.
//!
//! [`COLUMNS`] makes the header of CSV, the schema of Parquet and the page `docs/flows.md`. The names
//! are those of the JSON document, flattened. To add a column: its line in `table.rs`, then
//! `make bless` for the page.

mod community_id;
mod page;
mod table;
mod value;

pub use self::community_id::community_id;
pub use self::page::page;
pub use self::table::{COLUMNS, column, facts_of};
pub use self::value::{ColumnType, FlowColumn, Value};
