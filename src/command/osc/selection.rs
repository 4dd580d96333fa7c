//! `--where` of `osc`: entries by what is known of their connection when they come.

use portlore::columns::{FlowColumn, Value};
use portlore::evidence::Protocol;
use portlore::flow_filter::{ColumnCondition, Expression, FilterSubject, TextField, TextPattern};
use portlore::osc_trace::{OscContent, OscEntry};
use portlore::{Error, ErrorKind, Result};

/// The columns that are known while messages come.
const KNOWN: [&str; 9] = [
    "transport",
    "initiator_address",
    "initiator_port",
    "responder_address",
    "responder_port",
    "protocol",
    "tag",
    "osc_address",
    "candidate_tags",
];

/// Checks that an expression asks for nothing that is known only when a connection has ended.
pub fn check(expression: &Expression) -> Result<()> {
    let is_unknown = |column: &&FlowColumn| !KNOWN.contains(&column.name);
    match expression.compared_columns().into_iter().find(is_unknown) {
        None => Ok(()),
        Some(column) => {
            let reason = format!("{} is not known yet when a message is shown", column.name);
            let columns = KNOWN[..8].join(", ");
            Err(Error::new(ErrorKind::Usage, reason)
                .with_object("--where")
                .with_remedy(format!("--where of osc can use {columns}")))
        }
    }
}

/// An entry of a trace.
pub struct OscSubject<'e>(pub &'e OscEntry<'e>);

impl FilterSubject for OscSubject<'_> {
    fn has_value(&self, column: &'static FlowColumn, condition: &ColumnCondition) -> bool {
        let (tuple, from_initiator) = (self.0.five_tuple, self.0.from_initiator);
        let (initiator, responder) = if from_initiator {
            (tuple.source, tuple.destination)
        } else {
            (tuple.destination, tuple.source)
        };
        let osc = self.0.recognised.then_some(Protocol::Osc);
        let value = match column.name {
            "transport" => tuple.transport.as_str().into(),
            "initiator_address" => initiator.address.into(),
            "initiator_port" => u64::from(initiator.port).into(),
            "responder_address" => responder.address.into(),
            "responder_port" => u64::from(responder.port).into(),
            "protocol" => osc.map(Protocol::as_str).into(),
            "tag" => osc.and_then(Protocol::family).into(),
            "osc_address" => return has_address(self.0, &|text| condition.holds_text(text)),
            _ => Value::Missing,
        };
        condition.holds(&value)
    }

    fn shows(&self, field: TextField, pattern: &TextPattern) -> bool {
        let tuple = self.0.five_tuple;
        let ends = [tuple.source, tuple.destination];
        match field {
            TextField::Server => {
                let server = ends[usize::from(self.0.from_initiator)];
                pattern.matches(&server.address.to_string())
            }
            TextField::Anything => {
                ends.iter().any(|end| pattern.matches(&end.to_string()))
                    || has_address(self.0, &|text| pattern.matches(text))
            }
            _ => false,
        }
    }
}

/// Whether one of the addresses of a packet is wanted. What fails before its address can be read may
/// be what is looked for.
fn has_address(entry: &OscEntry<'_>, is_wanted: &dyn Fn(&str) -> bool) -> bool {
    let is_wanted = |address: &[u8]| is_wanted(&String::from_utf8_lossy(address));
    match &entry.content {
        OscContent::Packet { packet: Ok(packet), .. } => packet.has_address(&is_wanted),
        OscContent::Packet { packet: Err(fault), .. } => fault.address.is_none_or(is_wanted),
        _ => true,
    }
}
