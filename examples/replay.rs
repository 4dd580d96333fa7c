//! Prints the ports of a capture with what speaks there:
//! `cargo run --example replay -- fixtures/showcase.pcap`

use std::collections::{BTreeMap, BTreeSet};

use portlore::Replay;

fn main() -> portlore::Result<()> {
    let run = Replay::open(std::env::args_os().skip(1))?.run()?;
    let mut ports: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for flow in &run.flows {
        ports.entry(flow.record.service_port()).or_default().insert(flow.verdict.to_string());
    }
    for (port, speakers) in ports {
        println!("{port:<10} {}", Vec::from_iter(speakers).join(", "));
    }
    Ok(())
}
