//! Services on the page: their figures, and for the largest a time line of the connections that began
//! and were alive.

use std::cmp::Reverse;

use super::histogram::{path, time};
use crate::report::Report;
use crate::report::formats::table::figures::service_name;
use crate::report::parts::escape::SafeText;
use crate::report::parts::units::{bytes, count, period, plural};
use crate::stats::{ServiceStats, Timeline, TimelineChart};
use crate::time::Time;

/// Services that are listed, and that have a time line, at most.
const MOST: usize = 100;
const MOST_CHARTS: usize = 10;
/// The height of a chart.
const HEIGHT: u64 = 32;

/// The services with most bytes.
pub(super) struct HtmlServices {
    pub(super) shown: Vec<HtmlService>,
    /// The number of the others.
    pub(super) more: String,
    pub(super) charts: Vec<HtmlTimeline>,
    /// From when to when the charts reach, and the width of their columns.
    pub(super) span: String,
    pub(super) column: String,
}

/// A service, or a protocol of which no service is known.
pub(super) struct HtmlService {
    pub(super) name: SafeText,
    pub(super) tag: SafeText,
    pub(super) flows: String,
    pub(super) clients: String,
    pub(super) client_bytes: (String, u64),
    pub(super) server_bytes: (String, u64),
    /// Median and 99th percentile of the time to the first response.
    pub(super) response: Option<[(String, u64); 2]>,
}

/// The connections of a service over the time of the capture.
pub(super) struct HtmlTimeline {
    pub(super) name: SafeText,
    /// What the chart shows, in words.
    pub(super) text: String,
    pub(super) begun: String,
    pub(super) alive: String,
    pub(super) columns: usize,
}

impl HtmlServices {
    pub(super) fn new(report: &Report<'_>) -> Self {
        let mut services: Vec<_> = report.run.stats.services.iter().collect();
        services.sort_by_key(|(key, stats)| (Reverse(stats.all.bytes.sum()), *key));
        let named: Vec<_> = services
            .into_iter()
            .map(|(key, stats)| {
                let name = SafeText::trusted(service_name(report, key, &stats.all));
                (name, key.1.as_deref().map(SafeText::escape).unwrap_or_default(), stats)
            })
            .collect();
        let (shown, more) = named.split_at(named.len().min(MOST));
        let timed =
            shown.iter().filter_map(|(name, _, stats)| Some((name, stats.timeline.as_deref()?)));
        let timed: Vec<_> = timed.take(MOST_CHARTS).collect();
        // All charts have the columns of the whole: the widest that any of them needs.
        let seen = shown.iter().take(MOST_CHARTS).filter_map(|(_, _, stats)| stats.all.seen);
        let seen = seen.reduce(|(f, l), (first, last)| (f.min(first), l.max(last)));
        let charts: Vec<_> = seen.map_or_else(Vec::new, |seen| {
            timed.iter().map(|(name, timeline)| HtmlTimeline::new(name, timeline, seen)).collect()
        });
        let width = seen
            .zip(timed.first())
            .map(|(seen, (_, timeline))| timeline.chart(seen.0, seen.1).width_ns);
        Self {
            shown: shown
                .iter()
                .map(|(name, tag, stats)| HtmlService::new(name.clone(), tag.clone(), stats))
                .collect(),
            more: if more.is_empty() { String::new() } else { count(more.len() as u64) },
            charts,
            span: seen
                .map_or_else(String::new, |(first, last)| period(first, last, report.show.zone)),
            column: width.map_or_else(String::new, time),
        }
    }
}

impl HtmlService {
    fn new(name: SafeText, tag: SafeText, stats: &ServiceStats) -> Self {
        let all = &stats.all;
        let response = stats.distributions.first_response_ns.summary();
        Self {
            name,
            tag,
            flows: count(all.flows),
            clients: count(all.initiators.count()),
            client_bytes: (bytes(all.bytes.initiator), all.bytes.initiator),
            server_bytes: (bytes(all.bytes.responder), all.bytes.responder),
            response: (response.count > 0)
                .then(|| [response.p50, response.p99].map(|ns| (time(ns), ns))),
        }
    }
}

impl HtmlTimeline {
    fn new(name: &SafeText, timeline: &Timeline, (first, last): (Time, Time)) -> Self {
        let TimelineChart { begun, alive, .. } = timeline.chart(first, last);
        let most = alive.iter().copied().max().unwrap_or(0);
        let all: u64 = begun.iter().sum();
        Self {
            name: name.clone(),
            text: format!("{} began; at most {} at a time", plural(all, "connection"), count(most)),
            columns: begun.len(),
            begun: path(begun.into_iter(), most, HEIGHT),
            alive: path(alive.into_iter(), most, HEIGHT),
        }
    }
}
