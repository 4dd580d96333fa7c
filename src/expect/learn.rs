//! A first file of expectations, which holds for the capture that it was made of.
//!
//! It reads as a person would write it: servers by what they are, by name where they have one, and
//! nothing that is different each time, such as client ports and amounts.

use std::collections::BTreeMap;

use super::rule::FindingRule;
use super::selector::{AddressSelector, PortSelector, ServerSelector, names};
use super::spoken::SpokenName;
use crate::catalogue::Catalogue;
use crate::evidence::Protocol;
use crate::findings::{Finding, FindingKind};
use crate::pipeline::Run;
use crate::sentence::{joined, plural};
use crate::stats::Server;

/// Servers of one kind on one port that are listed; more are one rule.
const LISTED: usize = 8;
/// Rules about servers at most.
const MOST: usize = 200;
/// Ports at most for a rule that there is nothing on others.
const FEW_PORTS: usize = 12;
/// Names of services or protocols of one server.
const SPOKEN: usize = 3;
/// The first port of those that programs choose at random (RFC 6335, section 6).
const DYNAMIC: u16 = 49_152;
/// The longest line.
const WIDTH: usize = 100;

/// Servers of one kind, by what they must speak and their port.
type Kinds<'s> = BTreeMap<(String, Vec<String>, PortText), Vec<&'s Server<'s>>>;
/// A port, sorted by its number.
type PortText = (u16, String);

/// The text of a file that holds for a capture; `findings` are those of its report, and `inputs` its
/// names.
#[must_use]
pub fn learn(run: &Run, findings: &[Finding], inputs: &[String]) -> String {
    let catalogue = &*run.catalogue;
    let servers: Vec<Server<'_>> = run.stats.servers.rows().collect();
    let mut file = head(run, &servers, inputs);
    let (mut kinds, mut unknown, mut dynamic) = (Kinds::new(), Vec::new(), 0_u64);
    for server in &servers {
        let (title, spoken) = spoken(server, catalogue);
        if spoken.is_empty() {
            unknown.push(server.key.to_string());
        } else if server.key.port >= DYNAMIC && server.services.is_empty() {
            dynamic += 1;
        } else {
            let port = (server.key.port, server.key.service_port().to_string());
            kinds.entry((title, spoken, port)).or_default().push(server);
        }
    }
    let mut writer = LearnedServers { catalogue, servers: &servers, rules: 0, left_out: 0 };
    let mut heading = String::new();
    let many: Vec<String> = several(&kinds);
    for ((title, spoken, (_, port)), group) in &kinds {
        let is_alone = !many.contains(title);
        if *title != heading && !is_alone {
            file.push_str(&format!("\n# {}\n", plain(title)));
            heading.clone_from(title);
        }
        writer.kind(&mut file, (title, is_alone), (spoken, port), group);
    }
    left_out(&mut file, &unknown, dynamic, writer.left_out);
    other_ports(&mut file, run);
    no_findings(&mut file, findings);
    file
}

/// What was read, and what to do with the file.
fn head(run: &Run, servers: &[Server<'_>], inputs: &[String]) -> String {
    let named: Vec<String> = inputs.iter().take(LISTED).map(|input| plain(input)).collect();
    let more = inputs.len().saturating_sub(LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let n = servers.len() as u64;
    let found = match n {
        0 => "no server answered".to_owned(),
        n => format!("{} answered", plural(n, "server")),
    };
    let packets = plural(run.counters.frames, "packet");
    let mut head = String::new();
    comment(&mut head, &format!("Learnt from {}{more}: {found} in {packets}.", named.join(", ")));
    comment(
        &mut head,
        "Delete what does not matter, and widen what is too narrow: docs/expectations.md describes \
         this file. To check a capture against it: portlore check FILE CAPTURE",
    );
    head
}

/// What a server is, and what to expect it to speak: its services of the highest layer, or its
/// protocols.
fn spoken(server: &Server<'_>, catalogue: &Catalogue) -> (String, Vec<String>) {
    let highest = server.services.first().map(|proved| proved.layer);
    let services = server.services.iter().filter(|proved| Some(proved.layer) == highest);
    let mut ids: Vec<&str> = services.map(|proved| proved.id).collect();
    ids.dedup();
    ids.truncate(SPOKEN);
    if !ids.is_empty() {
        let titles: Vec<&str> = ids.iter().map(|id| catalogue.name_of(id)).collect();
        return (joined(&titles, "and"), ids.into_iter().map(str::to_owned).collect());
    }
    let protocols: Vec<Protocol> = server.protocols().take(SPOKEN).collect();
    let titles: Vec<String> = protocols.iter().map(|protocol| protocol.name()).collect();
    (joined(&titles, "and"), protocols.iter().map(|one| one.as_str().to_owned()).collect())
}

/// The titles that several servers or ports have.
fn several(kinds: &Kinds<'_>) -> Vec<String> {
    let mut numbers: BTreeMap<&String, usize> = BTreeMap::new();
    for ((title, ..), group) in kinds {
        *numbers.entry(title).or_default() += group.len();
    }
    let many = numbers.into_iter().filter(|(_, n)| *n > 1);
    many.map(|(title, _)| title.clone()).collect()
}

/// Writes rules about servers.
struct LearnedServers<'s> {
    catalogue: &'s Catalogue,
    servers: &'s [Server<'s>],
    rules: usize,
    /// Servers without a rule, because there are too many.
    left_out: u64,
}

impl LearnedServers<'_> {
    /// Writes the rules about the servers of one kind.
    fn kind(
        &mut self,
        file: &mut String,
        (title, is_alone): (&str, bool),
        (spoken, port): (&[String], &str),
        group: &[&Server<'_>],
    ) {
        if group.len() > LISTED && self.holds(None, port, spoken) {
            if self.may_add(group.len()) {
                let n = group.len() as u64;
                let note = format!("{} answered.", plural(n, "server"));
                let least = n / 2;
                let name = format!("{title}, port {port}");
                rule(file, &name, None, port, spoken, Some(least), &note);
            }
            return;
        }
        let listed = group.len().min(LISTED);
        for server in &group[..listed] {
            if !self.may_add(1) {
                continue;
            }
            let name = names(server)
                .find(|name| is_host_name(name) && self.holds(Some(name), port, spoken));
            let address = name.unwrap_or_else(|| server.key.address.to_string());
            let name = if is_alone { title.to_owned() } else { format!("{title} at {address}") };
            rule(file, &name, Some(&address), port, spoken, None, &seen(server));
        }
        self.left_out += (group.len() - listed) as u64;
    }

    fn may_add(&mut self, servers: usize) -> bool {
        let may = self.rules < MOST;
        if may {
            self.rules += 1;
        } else {
            self.left_out += servers as u64;
        }
        may
    }

    /// Whether every server with this name, or any, on the port speaks it.
    fn holds(&self, name: Option<&str>, port: &str, spoken: &[String]) -> bool {
        let address = name.map(AddressSelector::new).transpose();
        let (Ok(address), Ok(port)) = (address, PortSelector::new(port)) else { return false };
        let selector =
            ServerSelector { addresses: address.into_iter().collect(), ports: vec![port] };
        let spoken = spoken.iter().map(|id| SpokenName::new(id, self.catalogue));
        let Ok(spoken) = spoken.collect::<Result<Vec<_>, _>>() else { return false };
        let mut selected = self.servers.iter().filter(|server| selector.has_server(server));
        selected.all(|server| spoken.iter().all(|name| name.is_spoken_at(server, self.catalogue)))
    }
}

/// What was seen of a server, and the limit that it suggests.
fn seen(server: &Server<'_>) -> String {
    let clients = plural(server.clients, "client");
    let bytes = plural(server.bytes.sum(), "byte");
    let proof = server
        .proof_frame
        .map_or_else(String::new, |frame| format!("; frame {frame} shows what it speaks"));
    format!("{clients}, {bytes}{proof}.\nat_most_bytes = \"{}\"", generous(server.bytes.sum()))
}

/// Ten times as many bytes or more, as a round size.
fn generous(bytes: u64) -> String {
    let mut size = (1_000_000_u64, "1M".to_owned());
    let units = [("M", 1_000_000_u64), ("G", 1_000_000_000), ("T", 1_000_000_000_000)];
    let steps = units.iter().flat_map(|&(unit, factor)| {
        [1, 2, 5, 10, 20, 50, 100, 200, 500].map(|n| (n * factor, format!("{n}{unit}")))
    });
    for step in steps {
        size = step;
        if size.0 >= bytes.saturating_mul(10) {
            break;
        }
    }
    size.1
}

/// Writes a rule about servers; the first line of `note` is a sentence, the second a key that is left
/// out.
fn rule(
    file: &mut String,
    name: &str,
    address: Option<&str>,
    port: &str,
    spoken: &[String],
    at_least: Option<u64>,
    note: &str,
) {
    let mut text = format!("\n[[server]]\nname = {}\n", quoted(name));
    if let Some(address) = address {
        text += &format!("address = {}\n", quoted(address));
    }
    text += &format!("port = {}\n", quoted(port));
    let must = match spoken {
        [one] => quoted(one),
        several => list(several.iter().map(String::as_str), "must = "),
    };
    text += &format!("must = {must}\n");
    if let Some(least) = at_least {
        text += &format!("at_least = {least}\n");
    }
    for line in note.lines() {
        text += &format!("# {line}\n");
    }
    file.push_str(&text);
}

/// Writes which servers have no rule, and why.
fn left_out(file: &mut String, unknown: &[String], dynamic: u64, left_out: u64) {
    let mut notes = Vec::new();
    if !unknown.is_empty() {
        let named: Vec<&str> = unknown.iter().take(LISTED).map(String::as_str).collect();
        let more = unknown.len().saturating_sub(LISTED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        notes.push(format!(
            "Nothing is expected of servers whose protocol was not recognised: {}{more}.",
            named.join(", ")
        ));
    }
    if dynamic > 0 {
        notes.push(format!(
            "Nothing is expected of {} on ports from {DYNAMIC} up, which programs choose at random.",
            plural(dynamic, "server")
        ));
    }
    if left_out > 0 {
        notes.push(format!("{} more are not listed.", plural(left_out, "server")));
    }
    for note in notes {
        file.push('\n');
        comment(file, &note);
    }
}

/// Writes that there is nothing on other ports, if there are few and none is chosen at random.
fn other_ports(file: &mut String, run: &Run) {
    let mut ports: Vec<u16> = run.stats.ports.keys().map(|port| port.port).collect();
    ports.sort_unstable();
    ports.dedup();
    let is_named = |port: u16| run.catalogue.claimed_ports().any(|claimed| claimed.port == port);
    let is_chosen = |&port: &u16| port >= 32_768 && !is_named(port);
    if ports.is_empty() || ports.len() > FEW_PORTS || ports.iter().any(is_chosen) {
        return;
    }
    let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
    let filter = match &ports[..] {
        [one] => format!("responder_port != {one}"),
        several => format!("responder_port not in ({})", several.join(", ")),
    };
    let text = format!(
        "\n# Fails as soon as anything uses another port.\n\n[[flow]]\nname = \"nothing on other ports\"\nwhere = {}\nnone = true\n",
        quoted(&filter)
    );
    file.push_str(&text);
}

/// Writes which findings there must not be: those that the capture does not have.
fn no_findings(file: &mut String, findings: &[Finding]) {
    let occurs = |kind: &FindingKind| findings.iter().any(|finding| finding.kind == *kind);
    let (there, not): (Vec<FindingKind>, Vec<FindingKind>) =
        FindingKind::ALL.into_iter().partition(occurs);
    file.push('\n');
    if !there.is_empty() {
        let words: Vec<&str> = there.iter().map(|&kind| FindingRule::Kind(kind).as_str()).collect();
        comment(
            file,
            &format!(
                "Left out because the capture has findings of these kinds: {}. Add them once the causes are fixed.",
                words.join(", ")
            ),
        );
    }
    if !not.is_empty() {
        let words = not.iter().map(|&kind| FindingRule::Kind(kind).as_str());
        let list = list(words, "no = ");
        file.push_str(&format!("[findings]\nno = {list}\n"));
    }
}

/// Writes a comment in lines that are not too long.
fn comment(file: &mut String, text: &str) {
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.len() > 1 && line.chars().count() + 1 + word.chars().count() > WIDTH {
            file.push_str(&line);
            file.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    file.push_str(&line);
    file.push('\n');
}

/// A list of texts behind `before`, on several lines where one is too short.
fn list<'t>(texts: impl Iterator<Item = &'t str>, before: &str) -> String {
    let texts: Vec<String> = texts.map(quoted).collect();
    let line = format!("[{}]", texts.join(", "));
    if before.len() + line.chars().count() <= WIDTH {
        return line;
    }
    format!("[\n    {},\n]", texts.join(",\n    "))
}

/// A text in quotes.
fn quoted(text: &str) -> String {
    format!("\"{}\"", plain(text).replace('\\', "\\\\").replace('"', "\\\""))
}

/// A text without characters that end a line, or that nobody sees.
fn plain(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || c.is_ascii_punctuation() || c == ' ';
    text.chars().map(|c| if is_plain(c) { c } else { '?' }).collect()
}

/// Whether a name is one of a host, of plain letters.
fn is_host_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    name.len() > 2
        && name != "localhost"
        && name.chars().all(is_plain)
        && name.chars().any(|c| c.is_ascii_alphabetic())
}
