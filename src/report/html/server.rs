//! Servers on the page: all of them by bytes, and those of a port.

use std::cmp::Reverse;

use super::class;
use crate::report::Report;
use crate::report::parts::escape::SafeText;
use crate::report::parts::servers;
use crate::report::parts::units::{bytes, count};
use crate::stats::Server;

/// Servers that are listed at most.
const MOST: usize = 100;

/// A server.
pub(super) struct HtmlServer {
    pub(super) endpoint: String,
    pub(super) anchor: String,
    pub(super) speaking: SafeText,
    pub(super) tone: &'static str,
    /// Products, names, other services, first line.
    pub(super) known: SafeText,
    pub(super) clients: String,
    pub(super) flows: String,
    pub(super) bytes: String,
    pub(super) bytes_number: u64,
    pub(super) proof: Option<u64>,
}

impl HtmlServer {
    pub(super) fn new(report: &Report<'_>, server: &Server<'_>) -> Self {
        let (speaking, others) = servers::speaking(report.catalogue(), server);
        let known: Vec<_> = others.into_iter().chain(servers::texts(server)).collect();
        Self {
            endpoint: report.server_text(server.key),
            anchor: super::port::anchor(server.key.service_port()),
            tone: class(speaking.tone),
            speaking: speaking.text,
            known: SafeText::escape(&known.join(", ")),
            clients: count(server.clients),
            flows: count(server.flows),
            bytes: bytes(server.bytes.sum()),
            bytes_number: server.bytes.sum(),
            proof: server.proof_frame,
        }
    }
}

/// The servers with most bytes.
pub(super) struct HtmlServers {
    pub(super) shown: Vec<HtmlServer>,
    /// The number of the others.
    pub(super) more: String,
}

impl HtmlServers {
    pub(super) fn new(report: &Report<'_>) -> Self {
        let mut servers: Vec<_> = report.run.stats.servers.rows().collect();
        servers.sort_by_key(|server| (Reverse(server.bytes.sum()), server.key));
        let (shown, more) = servers.split_at(servers.len().min(MOST));
        Self {
            shown: shown.iter().map(|server| HtmlServer::new(report, server)).collect(),
            more: if more.is_empty() { String::new() } else { count(more.len() as u64) },
        }
    }
}
