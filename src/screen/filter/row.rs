//! What a row of a list offers to a filter.

use std::net::IpAddr;

use crate::classify::Fit;
use crate::columns::{FlowColumn, Value};
use crate::decode::ServicePort;
use crate::evidence::Protocol;
use crate::findings::Finding;
use crate::flow_filter::{ColumnCondition, FilterSubject, TextField, TextPattern};
use crate::pipeline::FlowView;
use crate::process::Holder;

/// What speaks at a row.
pub(in crate::screen) struct SpokenHere<'r> {
    pub(in crate::screen) protocol: Option<Protocol>,
    /// Ids and names of services.
    pub(in crate::screen) services: Vec<&'r str>,
    /// Families that are proved or possible.
    pub(in crate::screen) tags: Vec<&'r str>,
    pub(in crate::screen) fit: Option<Fit>,
}

/// A row of a view, as filters see it.
pub(in crate::screen) trait FilterRow {
    fn port(&self) -> ServicePort;
    fn spoken(&self) -> Vec<SpokenHere<'_>>;
    fn holders(&self) -> Vec<&Holder>;
    /// The addresses of its servers.
    fn addresses(&self) -> Vec<IpAddr>;
    /// The names of its servers.
    fn names(&self) -> Vec<&str>;
    fn findings(&self) -> Vec<&Finding>;
    /// What its columns show, uncut.
    fn text(&self) -> String;
    /// The flow that it is.
    fn flow(&self) -> Option<FlowView<'_>> {
        None
    }
    /// Its packets and bytes, where they are counted.
    fn totals(&self) -> [Option<u64>; 2] {
        [None; 2]
    }
}

/// A row sums up flows: it has the values of all of them, and lacks the columns of single ones.
impl FilterSubject for dyn FilterRow + '_ {
    fn has_value(&self, column: &'static FlowColumn, condition: &ColumnCondition) -> bool {
        if let Some(flow) = self.flow() {
            return flow.has_value(column, condition);
        }
        let port = self.port();
        let of_spoken = |words: Vec<&str>| condition.holds_any(words);
        match column.name {
            "responder_port" => condition.holds(&u64::from(port.port).into()),
            "transport" => condition.holds(&port.transport.as_str().into()),
            "responder_address" => self
                .addresses()
                .into_iter()
                .any(|address| condition.holds(&Value::Address(address))),
            "protocol" => {
                let protocols = self.spoken().into_iter().filter_map(|one| one.protocol);
                of_spoken(protocols.map(Protocol::as_str).collect())
            }
            "service" => {
                of_spoken(self.spoken().into_iter().flat_map(|one| one.services).collect())
            }
            "tag" | "candidate_tags" => {
                of_spoken(self.spoken().into_iter().flat_map(|one| one.tags).collect())
            }
            "fit" => {
                let fits = self.spoken().into_iter().filter_map(|one| one.fit);
                of_spoken(fits.map(Fit::as_str).collect())
            }
            "responder_process" => {
                of_spoken(self.holders().iter().map(|holder| &*holder.name).collect())
            }
            "packets" => condition.holds(&self.totals()[0].into()),
            "bytes" => condition.holds(&self.totals()[1].into()),
            _ => false,
        }
    }

    fn shows(&self, field: TextField, pattern: &TextPattern) -> bool {
        let has = |text: &str| pattern.matches(text);
        match field {
            TextField::Service => {
                self.spoken().iter().any(|one| one.services.iter().any(|name| has(name)))
            }
            TextField::Process => self.holders().iter().any(|holder| {
                has(&holder.name) || has(&holder.command) || pattern.is_number(holder.pid.into())
            }),
            TextField::Server => {
                self.addresses().iter().any(|address| has(&address.to_string()))
                    || self.names().into_iter().any(has)
            }
            TextField::Finding => self.findings().iter().any(|finding| {
                [finding.severity.as_str(), finding.kind.as_str()]
                    .iter()
                    .any(|name| pattern.is_start_of(name))
            }),
            TextField::Anything => has(&self.text()),
        }
    }
}
