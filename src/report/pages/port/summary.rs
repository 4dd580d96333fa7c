//! The answer in one or two sentences: who is most likely here, and whose the port is by the
//! registry.

use super::claimant::Claimant;
use crate::catalogue::{Catalogue, Prevalence, family};
use crate::decode::{ServicePort, Transport};
use crate::report::escape;
use crate::sentence::joined;

/// Names that one sentence lists.
const NAMED: usize = 3;

/// Who is most likely on the port, by the catalogue and the registry. The parts that are the
/// user's are escaped.
pub(super) fn sentence(catalogue: &Catalogue, port: u16, transports: &[Transport]) -> String {
    let claimants = Claimant::on(catalogue, port, transports);
    let Some(first) = claimants.first() else { return unclaimed(catalogue, port, transports) };
    let likely = first.claim.prevalence;
    // One service may have a claim for each transport.
    let mut alike: Vec<&Claimant<'_>> = Vec::new();
    for claimant in claimants.iter().filter(|c| c.claim.prevalence == likely) {
        if !alike.iter().any(|other| other.service.id == claimant.service.id) {
            alike.push(claimant);
        }
    }
    let registered = registered(catalogue, port, transports, &claimants, &alike);
    format!("{} {registered}", most_likely(likely, &alike))
}

fn most_likely(likely: Prevalence, alike: &[&Claimant<'_>]) -> String {
    let lead = match likely {
        Prevalence::Common => "Most likely",
        Prevalence::Occasional => "Possibly",
        Prevalence::Rare => "In rare cases",
    };
    let name = |claimant: &Claimant<'_>| escape(&claimant.service.name);
    if let [only] = alike {
        let note = only.overflow().map_or_else(String::new, |when| format!(", {when}"));
        return format!("{lead}: {}{note}.", name(only));
    }
    let families = Claimant::by_family(alike.iter().copied());
    let kinds = families.iter().filter_map(|(_, members)| family::kind(&members[0].service.tag));
    let kinds: Vec<&str> = kinds.take(NAMED).collect();
    // Those of the first family are named; the others stand below, under their headings.
    let members = || families.iter().take(1).flat_map(|(_, members)| members);
    let usual: Vec<String> =
        members().filter(|c| c.overflow().is_none()).map(|c| name(c)).collect();
    let coming: Vec<(String, String)> =
        members().filter_map(|c| Some((c.overflow()?, name(c)))).collect();
    if kinds.is_empty() || (usual.len() + coming.len()) < 2 {
        let names: Vec<String> = alike.iter().take(NAMED).map(|c| name(c)).collect();
        return format!("{lead}: {}.", joined(&names, "or"));
    }
    let mut parts = Vec::new();
    if !usual.is_empty() {
        let verb = if usual.len() == 1 { "uses" } else { "use" };
        parts.push(format!("{} {verb} this port", few(&usual)));
    }
    if let Some((when, _)) = coming.first() {
        let names: Vec<String> = coming
            .iter()
            .filter(|(other, _)| other == when)
            .map(|(_, name)| name.clone())
            .collect();
        let verb = if names.len() == 1 { "uses" } else { "use" };
        parts.push(format!("{} {verb} it {when}", few(&names)));
    }
    format!("{lead} {}: {}.", joined(&kinds, "or"), parts.join("; "))
}

/// At most [`NAMED`] names, and that there are others.
fn few(names: &[String]) -> String {
    if names.len() <= NAMED {
        return joined(names, "and");
    }
    let mut some = names[..NAMED - 1].to_vec();
    some.push("others".to_owned());
    joined(&some, "and")
}

/// Whose the port is by the registry, as far as the first sentence does not say it.
fn registered(
    catalogue: &Catalogue,
    port: u16,
    transports: &[Transport],
    claimants: &[Claimant<'_>],
    alike: &[&Claimant<'_>],
) -> String {
    let names = registered_names(catalogue, port, transports);
    if names.is_empty() {
        return "IANA has not assigned this port.".to_owned();
    }
    let by_registry = || claimants.iter().filter(|c| c.claim.standing.is_in_registry());
    if let [only] = alike
        && only.claim.standing.is_in_registry()
    {
        return "This is the registered use of the port.".to_owned();
    }
    let mut known: Vec<String> = Vec::new();
    for claimant in by_registry() {
        let name = escape(&claimant.service.name);
        if !known.contains(&name) {
            known.push(name);
        }
    }
    let are = if known.len() == 1 { "is" } else { "are" };
    if !known.is_empty() && by_registry().all(|c| c.claim.prevalence == Prevalence::Rare) {
        return format!("{}, which {are} rarely seen.", registered_use(&known));
    }
    format!("{}.", registered_use(if known.is_empty() { &names } else { &known }))
}

fn unclaimed(catalogue: &Catalogue, port: u16, transports: &[Transport]) -> String {
    match &registered_names(catalogue, port, transports)[..] {
        [] => "No use of this port is known, and IANA has not assigned it.".to_owned(),
        names => format!("{}; no other use is known.", registered_use(names)),
    }
}

fn registered_use(names: &[String]) -> String {
    let s = if names.len() == 1 { "" } else { "s" };
    format!("Registered use{s}: {}", joined(names, "and"))
}

/// The registry's descriptions of the port, each once.
fn registered_names(catalogue: &Catalogue, port: u16, transports: &[Transport]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for &transport in transports {
        for entry in catalogue.registry.entries(ServicePort::new(port, transport)) {
            let name = if entry.description.is_empty() { entry.name } else { entry.description };
            if !entry.name.is_empty() && !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_names_who_is_likely_how_they_come_here_and_whose_the_port_is() {
        let catalogue = Catalogue::shipped().unwrap();
        let both = [Transport::Tcp, Transport::Udp];
        for (port, expected) in [
            (
                3001,
                "Most likely a development server: Express uses this port; Next.js and Create React App use it when 3000 is taken. Registered use: OrigoDB Server Native Interface, which is rarely seen.",
            ),
            (
                3037,
                "Most likely: ETC Eos lighting console. Registered use: HP SAN Mgmt, which is rarely seen.",
            ),
            (22, "Most likely: SSH server. This is the registered use of the port."),
            (49_999, "No use of this port is known, and IANA has not assigned it."),
        ] {
            assert_eq!(sentence(&catalogue, port, &both), expected);
        }
    }
}
