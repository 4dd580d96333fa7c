//! The pages that a row opens, and help.

mod flow;
mod help;
mod host;
mod octets;
mod port;

pub(super) use self::flow::lines as flow_lines;
pub(super) use self::help::lines as help_lines;
pub(super) use self::host::lines as server_lines;
pub(super) use self::port::lines as port_lines;
