//! The tables of a file of expectations.

use serde::Deserialize;
use toml::Spanned;

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectationsTable {
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) server: Vec<Spanned<ServerTable>>,
    #[serde(default)]
    pub(super) flow: Vec<Spanned<FlowTable>>,
    pub(super) findings: Option<FindingsTable>,
}

/// What is expected of servers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServerTable {
    pub(super) name: Option<Spanned<String>>,
    pub(super) address: Option<Spanned<OneOrMore<String>>>,
    pub(super) port: Option<Spanned<OneOrMore<PortValue>>>,
    pub(super) must: Option<Spanned<OneOrMore<String>>>,
    pub(super) none: Option<Spanned<bool>>,
    pub(super) at_least: Option<Spanned<u64>>,
    pub(super) at_most_bytes: Option<Spanned<SizeValue>>,
    pub(super) only: Option<Spanned<OneOrMore<String>>>,
}

/// What is expected of flows.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FlowTable {
    pub(super) name: Option<Spanned<String>>,
    #[serde(rename = "where")]
    pub(super) filter: Option<Spanned<String>>,
    pub(super) must: Option<Spanned<OneOrMore<String>>>,
    pub(super) none: Option<Spanned<bool>>,
    pub(super) at_least: Option<Spanned<u64>>,
    pub(super) at_most_bytes: Option<Spanned<SizeValue>>,
    pub(super) only: Option<Spanned<String>>,
}

/// What is expected of findings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FindingsTable {
    pub(super) no: Vec<Spanned<String>>,
}

/// A value, or a list of them.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a text in quotes, or a list of them")]
pub(super) enum OneOrMore<T> {
    One(T),
    More(Vec<T>),
}

impl<T> OneOrMore<T> {
    pub(super) fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::More(several) => several,
        }
    }
}

/// A port, a range of ports, or one of them with its transport.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a port such as 3032, \"3032/tcp\" or \"3000-3010\"")]
pub(super) enum PortValue {
    Number(u64),
    Text(String),
}

/// A number of bytes, or a size such as 10M.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a number of bytes, or a size such as \"10M\"")]
pub(super) enum SizeValue {
    Bytes(u64),
    Text(String),
}
