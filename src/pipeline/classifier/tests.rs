use std::sync::Mutex;

use super::*;
use crate::decode::FiveTuple;
use crate::flow::TableLimits;
use crate::stats::Servers;

#[test]
fn openings_of_flows_that_go_on_show_servers_in_the_memory_that_all_workers_share() {
    const QUERY: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\x01\0\x01";
    const ANSWER: &[u8] = b"\x12\x34\x81\x80\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\x01\0\x01";
    let shared = Mutex::new(Servers::new(3000));
    let context = WorkerContext {
        frame_files: None,
        workers: 2,
        limits: TableLimits { flows: 8, opening_bytes: 1 << 20 },
        live: false,
        keep_flows: false,
        is_part: false,
        keep_reasons: true,
        keep_facts: false,
        first_values: &[],
        local_networks: &[],
        names: true,
        examples: false,
        histogram_ports: 8,
        max_servers: 3000,
        shared_servers: Some(&shared),
        recent_flows: 0,
        process_cache: None,
        selector: None,
        on_close: None,
    };
    let mut classifier =
        Classifier::new(Catalogue::shipped().unwrap(), context, None, &Tenants::default());
    for n in 0..5000_u32 {
        let end = |address: u32, port| Endpoint {
            address: std::net::Ipv4Addr::from_bits(address).into(),
            port,
        };
        let (source, destination) = (end(0x0a00_0001, 40_000), end(0x0b00_0000 + n, 53));
        let tuple = FiveTuple { source, destination, transport: Transport::Udp };
        let (key, _) = FlowKey::new(&tuple);
        let mut opening = Opening::from_payloads(Transport::Udp, &[QUERY], &[ANSWER]);
        let verdict = classifier.inspect(&mut opening, &key);
        let evidence = classifier.take_evidence();
        classifier.conclude(&opening, &key, verdict, &evidence);
        assert!(classifier.stats.servers().len() < 256, "{n}");
    }
    assert_eq!(shared.lock().unwrap().len(), 3000);
}
