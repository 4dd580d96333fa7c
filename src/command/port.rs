//! `portlore port`.

use std::fmt;

use portlore::decode::Transport;
use portlore::process;
use portlore::report::pages::port::{self as page, PortPage};

use super::catalogue::load;
use super::output::Output;
use crate::cli::PortArgs;

pub fn run(args: &PortArgs) -> portlore::Result<u8> {
    let catalogue = load(&args.catalogue)?;
    let (port, transport) = args.port;
    let transports = transport.map_or(vec![Transport::Tcp, Transport::Udp], |t| vec![t]);
    let listeners = process::listeners_on(port).map_err(|e| e.to_string()).map(|all| {
        all.into_iter().filter(|l| transports.contains(&l.transport)).collect::<Vec<_>>()
    });
    let page = PortPage {
        port,
        transports: &transports,
        catalogue: &catalogue,
        listeners: listeners.as_deref().map_err(|reason| reason as &dyn fmt::Display),
    };
    Output::standard().write(|out, style| page::write(out, &page, style))?;
    Ok(0)
}
