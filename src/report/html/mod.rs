//! The report as a page for browsers (`--html`): one file that asks for nothing else, and is whole
//! without its script.
//!
//! Every text is [`SafeText`], escaped for hidden characters first; the templates escape it for HTML
//! then. HTML escaping alone would let a right-to-left mark reorder the page. Charts are drawn here;
//! their templates put nothing but numbers into attributes.

mod detail;
mod finding;
mod histogram;
mod lead;
mod policy;
mod port;
mod server;
mod service;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use askama::Template;

use self::finding::HtmlFinding;
use self::port::HtmlPorts;
use self::server::HtmlServers;
use self::service::HtmlServices;
use super::Report;
use super::formats::table::summary;
use super::parts::escape::SafeText;
use super::parts::inputs::input_names;
use super::parts::layout::Tone;
use super::parts::units::{self, count, plural};

/// The style and the script, which the page's policy names by their hashes.
const STYLE: &str = include_str!("../../../templates/style.css");
const SCRIPT: &str = include_str!("../../../templates/script.js");
/// Bytes of the page, so that it can be sent; beyond them the details of ports are left out.
const MOST_BYTES: usize = 1_000_000;
/// Findings that are listed at most, of which there may be one for each server.
const MOST_FINDINGS: usize = 200;

/// The page.
#[derive(Template)]
#[template(path = "page.html", whitespace = "minimize")]
struct HtmlPage {
    style: &'static str,
    script: &'static str,
    policy: String,
    version: &'static str,
    title: SafeText,
    lead: SafeText,
    input: SafeText,
    result: SafeText,
    problems: Vec<SafeText>,
    notices: Vec<SafeText>,
    findings: Vec<HtmlFinding>,
    more_findings: usize,
    ports: HtmlPorts,
    servers: HtmlServers,
    services: HtmlServices,
    packets: String,
    analysed: String,
    skipped: Vec<(String, SafeText)>,
    dropped: Option<SafeText>,
    evicted: Option<SafeText>,
}

/// Writes the page. The same report gives the same bytes.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(out: &mut dyn Write, report: &Report<'_>) -> io::Result<()> {
    let page = HtmlPage::new(report);
    let room = MOST_BYTES.saturating_sub(page.render().map_err(io::Error::other)?.len());
    let page = HtmlPage { ports: page.ports.with_details(report, room), ..page };
    page.write_into(out)
}

impl HtmlPage {
    /// The page without details of ports.
    fn new(report: &Report<'_>) -> Self {
        let run = report.run;
        let texts = |lines: &[String]| lines.iter().map(|line| SafeText::escape(line)).collect();
        let findings = report.findings();
        let shown = findings.len().min(MOST_FINDINGS);
        let counters = &run.counters;
        let skipped: u64 = counters.skipped().map(|(_, n)| n).sum();
        let drops = run.drops;
        let has_drops = drops.kernel + drops.interface + counters.queue > 0;
        let dropped = || units::drops([drops.kernel, drops.interface, counters.queue]);
        Self {
            style: STYLE,
            script: SCRIPT,
            policy: policy::policy(STYLE, SCRIPT),
            version: env!("CARGO_PKG_VERSION"),
            title: SafeText::trusted(input_names(report.inputs)),
            lead: lead::lead(report),
            input: SafeText::trusted(summary::input(report)),
            result: SafeText::trusted(summary::result(report, findings.len())),
            problems: texts(&run.problems),
            notices: texts(&run.notices),
            findings: findings[..shown].iter().map(|one| HtmlFinding::new(report, one)).collect(),
            more_findings: findings.len() - shown,
            ports: HtmlPorts::new(report),
            servers: HtmlServers::new(report),
            services: HtmlServices::new(report),
            packets: plural(counters.frames, "packet"),
            analysed: count(counters.frames.saturating_sub(skipped)),
            skipped: counters
                .skipped()
                .map(|(reason, n)| (count(n), SafeText::trusted(reason.words())))
                .collect(),
            dropped: has_drops.then(|| SafeText::trusted(dropped())),
            evicted: (run.evicted > 0).then(|| SafeText::trusted(count(run.evicted))),
        }
    }
}

/// The class of a tone.
const fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Good => "good",
        Tone::Bad => "bad",
        Tone::Fair => "fair",
        Tone::Dim => "dim",
    }
}
