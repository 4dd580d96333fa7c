//! `portlore interfaces`, and the interface that `live` takes where none is named.

use portlore::report::pages;
use portlore::source::devices;
use portlore::source::live::{default_interface, interface_names};
use portlore::{Error, ErrorKind, Result};

use super::messages;
use super::output::Output;

/// Interfaces that a message lists.
const LISTED: usize = 8;

pub fn run() -> Result<u8> {
    let list = devices::list()?;
    Output::standard().write(|out, style| pages::interfaces::write(out, &list, style))?;
    Ok(0)
}

/// The interfaces to capture on: those that are named, else that of the default route. Unless
/// `quiet`, a message says which one that is, and lists the others.
///
/// # Errors
/// [`ErrorKind::Usage`] where none is named and there is no default route; the remedy lists the
/// interfaces. Or the interfaces cannot be listed.
pub fn chosen(named: &[String], quiet: bool) -> Result<Vec<String>> {
    if !named.is_empty() {
        return Ok(named.to_vec());
    }
    let (list, network) = (devices::list()?, interface_names());
    // libpcap's list has the sources of other packets too, such as D-Bus.
    let is_network =
        |name: &str| network.as_ref().is_none_or(|all| all.iter().any(|each| each == name));
    let names = list.iter().map(|interface| interface.name.as_str());
    let names = names.filter(|&name| name == "any" || is_network(name));
    let Some(default) = default_interface() else {
        let remedy = format!("choose one with -i: {}", listed(names));
        return Err(Error::new(
            ErrorKind::Usage,
            "no interface is named and there is no default route",
        )
        .with_object("live")
        .with_remedy(remedy));
    };
    if !quiet {
        messages::print(&chosen_by_default(&default, names));
    }
    Ok(vec![default])
}

/// The message about the interface of the default route, and the others that there are.
fn chosen_by_default<'n>(default: &str, names: impl Iterator<Item = &'n str>) -> String {
    let others = listed(names.filter(|name| *name != default));
    let text = format!("no -i given: using {default}, the interface of the default route");
    if others.is_empty() { text } else { format!("{text}; others are {others}") }
}

/// The first of the names, and how many more there are.
fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.collect();
    let (shown, rest) = names.split_at(names.len().min(LISTED));
    match rest.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more (portlore interfaces)", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_the_default_and_a_few_of_the_others() {
        assert_eq!(
            chosen_by_default("eth0", ["lo", "eth0", "any"].into_iter()),
            "no -i given: using eth0, the interface of the default route; others are lo, any"
        );
        assert_eq!(
            chosen_by_default("eth0", ["eth0"].into_iter()),
            "no -i given: using eth0, the interface of the default route"
        );
        let many: Vec<String> = (0..12).map(|i| format!("veth{i}")).collect();
        assert_eq!(
            listed(many.iter().map(String::as_str)),
            "veth0, veth1, veth2, veth3, veth4, veth5, veth6, veth7 and 4 more (portlore interfaces)"
        );
    }
}
