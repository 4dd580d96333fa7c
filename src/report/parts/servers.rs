//! What a server speaks and how it is called: the same in every output for people.

use super::labels;
use super::layout::{Cell, Tone};
use crate::catalogue::Catalogue;
use crate::evidence::Protocol;
use crate::stats::{ProvedService, Server};

/// The protocols with the services of the highest layer, and the names of the other services.
#[must_use]
pub fn speaking(catalogue: &Catalogue, server: &Server<'_>) -> (Cell, Vec<String>) {
    let protocols: Vec<_> = server.protocols().map(Protocol::as_str).collect();
    let protocols = protocols.join(", ");
    let Some(highest) = server.services.first().map(|service| service.layer) else {
        let text = match &*protocols {
            "" if server.has_data => "not recognised",
            "" => labels::NO_DATA,
            known => known,
        };
        return (Cell::trusted(text), Vec::new());
    };
    let names = |is_highest: bool| {
        let is_wanted = |s: &&ProvedService<'_>| (s.layer == highest) == is_highest;
        let mut names: Vec<_> = server
            .services
            .iter()
            .filter(is_wanted)
            .map(|service| catalogue.name_of(service.id).to_owned())
            .collect();
        names.dedup();
        names
    };
    let highest = names(true).join(", ");
    let text = if protocols.is_empty() { highest } else { format!("{protocols}: {highest}") };
    (Cell::escape(&text).with_tone(Tone::Good), names(false))
}

/// The products, then the names that are more than the address, with the numbers of others.
pub fn texts<'s>(server: &'s Server<'_>) -> impl Iterator<Item = String> + 's {
    let more = |n: usize| (n > 0).then(|| format!("+{n}"));
    let products = server.products.iter().map(|product| product.text.to_string());
    let named: Vec<&str> =
        server.names.iter().filter(|name| !name.is_address()).map(|name| &*name.text).collect();
    // What a client called it is most often what it had been answered.
    let answered = server.address_names.iter().map(|name| &*name.text);
    let answered: Vec<&str> = answered.filter(|name| !named.contains(name)).collect();
    let names = named.into_iter().chain(answered).map(|name| format!("called {name}"));
    let line = server.first_line.map(|line| format!("\"{}\"", line.text));
    let more_names = more(server.names_more + server.address_names_more);
    products.chain(more(server.products_more)).chain(names).chain(more_names).chain(line)
}
