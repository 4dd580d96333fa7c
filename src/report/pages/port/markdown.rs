//! The page of a port as Markdown (<https://spec.commonmark.org/0.31.2/>), to be read by others: it
//! says what is known of the port, and nothing of this machine.

use std::io::{self, Write};

use super::claimant::Claimant;
use super::{PortPage, iana, summary};
use crate::catalogue::PortRange;
use crate::report::escape;
use crate::report::parts::markdown::literal;
use crate::sentence::joined;

/// Writes the page of a port.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(out: &mut dyn Write, page: &PortPage<'_>) -> io::Result<()> {
    let &PortPage { port, transports, catalogue, .. } = page;
    writeln!(out, "# Port {port}\n")?;
    writeln!(out, "{}\n", literal(&summary::sentence(catalogue, port, transports)))?;
    writeln!(out, "## Whose it is\n")?;
    writeln!(
        out,
        "Port {port} is in the {} range. The IANA registry of {} says: {}.\n",
        literal(PortRange::from_port(port).text()),
        catalogue.registry.date,
        literal(&iana(catalogue, port, transports))
    )?;
    let claimants = Claimant::on(catalogue, port, transports);
    writeln!(out, "## Who uses it\n")?;
    if claimants.is_empty() {
        writeln!(out, "No service of the catalogue is known to use it.\n")?;
    }
    for (heading, members) in Claimant::by_family(&claimants) {
        writeln!(out, "### {}\n", literal(&escape(heading)))?;
        members.into_iter().try_for_each(|claimant| write_claimant(out, claimant))?;
        writeln!(out)?;
    }
    let (filter, options) = (page.filter(), page.ss_options());
    writeln!(out, "## Find out who it is on your machine\n")?;
    writeln!(out, "```sh\n# what listens\nportlore port {port}")?;
    writeln!(out, "lsof -i :{port}                      # macOS")?;
    writeln!(out, "ss {options} 'sport = :{port}'            # Linux")?;
    writeln!(out, "netstat -ano | findstr :{port}      # Windows")?;
    writeln!(out, "# what speaks\nsudo portlore live -f '{filter}'\n```")
}

fn write_claimant(out: &mut dyn Write, claimant: &Claimant<'_>) -> io::Result<()> {
    let Claimant { service, claim } = claimant;
    let speaks: Vec<&str> = claim.protocols.iter().map(|p| p.as_str()).collect();
    let speaks = match (speaks.is_empty(), service.wire_unknown) {
        (true, _) => "its protocol is not documented".to_owned(),
        (false, true) => format!("speaks {} and what is not documented", joined(&speaks, "and")),
        (false, false) => format!("speaks {}", joined(&speaks, "and")),
    };
    write!(
        out,
        "- **{}** ({}): {}, {}; {speaks}.",
        literal(&escape(&service.name)),
        claimant.transports(),
        claim.standing.as_str(),
        claim.prevalence.as_str()
    )?;
    let notes = [
        claimant.overflow().map(|when| format!("Uses this port {when}.")),
        claim.since.as_ref().map(|since| format!("Since {}.", escape(since))),
        claim.note.as_deref().filter(|note| !claimant.is_overflow(note)).map(escape),
        service.note.as_deref().map(escape),
        claim.on_conflict.map(|conflict| format!("It {}.", conflict.text())),
    ];
    for note in notes.into_iter().flatten().chain(claimant.advice()) {
        write!(out, " {}", literal(&note))?;
    }
    match claim.cite.as_deref() {
        None => writeln!(out),
        Some(cite) if is_link(cite) => writeln!(out, " <{cite}>"),
        Some(cite) => writeln!(out, " {}", literal(&escape(cite))),
    }
}

/// Whether a text can stand between angle brackets as a link: no blank, no bracket, nothing hidden.
fn is_link(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_graphic() && !"<>\\`".contains(c);
    (text.starts_with("https://") || text.starts_with("http://")) && text.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::catalogue::Catalogue;
    use crate::decode::Transport;
    use crate::report::pages::listening::Here;

    fn page(catalogue: &Catalogue, port: u16) -> String {
        let here = Here { home: None, zone: TimeZone::UTC, is_root: true, now: 0 };
        let transports = &[Transport::Tcp, Transport::Udp];
        let mut out = Vec::new();
        let page =
            PortPage { port, transports, catalogue, listeners: Ok(&[]), here: &here, all: false };
        write(&mut out, &page).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_page_has_the_parts_of_an_article() {
        let text = page(&Catalogue::shipped().unwrap(), 3037);
        let titles: Vec<&str> = text.lines().filter(|line| line.starts_with("# P")).collect();
        assert_eq!(titles, ["# Port 3037"]);
        for part in
            ["## Whose it is", "### Show control", "- **ETC Eos", "<https://", "lsof -i :3037"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(
            page(&Catalogue::shipped().unwrap(), 47_123).contains("No service of the catalogue")
        );
    }

    #[test]
    fn text_of_a_catalogue_is_text_of_the_page() {
        let file = std::env::temp_dir().join(format!("portlore-{}.toml", std::process::id()));
        let hostile = "id = \"hostile\"\nname = \"<b>x</b> [a](b) `c` *d*\\n# e\"\ntag = \"#own\"\n\
                       speaks = [\"http\"]\nnote = \"&lt;![x](y)\"\n[[claim]]\nport = 47123\n\
                       transport = \"tcp\"\nstanding = \"customary\"\ncite = \"https://x/>\\n# f\"\n";
        std::fs::write(&file, hostile).unwrap();
        let catalogue = Catalogue::load(std::slice::from_ref(&file));
        std::fs::remove_file(&file).unwrap();
        let text = page(&catalogue.unwrap(), 47_123);
        assert!(text.contains(r"\<b\>x\</b\> \[a\](b) \`c\` \*d\*\\n\# e"), "{text}");
        assert!(text.contains(r"\&lt;\!\[x\](y)") && text.contains(r"### \#own"), "{text}");
        assert!(!text.contains("<https://x/"), "{text}");
        let titles = text.lines().filter(|line| line.starts_with('#')).count();
        assert_eq!(titles, 5 + 2, "{text}");
    }
}
