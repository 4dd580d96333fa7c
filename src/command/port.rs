//! `portlore port`.

use portlore::decode::Transport;
use portlore::process;
use portlore::report::pages;

use super::Errors;
use super::catalogue::load;
use super::output::Output;
use crate::cli::Port;

pub fn run(args: &Port) -> Result<u8, Errors> {
    let catalogue = load(&args.catalogue)?;
    let (port, transport) = args.port;
    let transports = transport.map_or(vec![Transport::Tcp, Transport::Udp], |t| vec![t]);
    let listeners = process::on_port(port).map(|all| {
        all.into_iter().filter(|l| transports.contains(&l.transport)).collect::<Vec<_>>()
    });
    Output::open(None, &[])?.write(|out, style| {
        pages::port::write(out, style, &catalogue, port, &transports, &listeners)
    })?;
    Ok(0)
}
