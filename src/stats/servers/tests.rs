use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::catalogue::Catalogue;
use crate::classify::classify;
use crate::decode::{Endpoint, ServicePort, Transport};
use crate::evidence::{Direction, Evidence, Fact, FactName, Role};
use crate::flow::Counts;
use crate::stats::{Cells, Stats};

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::load(&[]).unwrap());

/// A TCP connection of a client to a server, both by number, with payload from both sides.
fn connection(client: u32, server: u8, at: u64) -> FlowRecord {
    FlowRecord {
        transport: Transport::Tcp,
        initiator: Endpoint { address: IpAddr::V4(client.into()), port: 40_000 },
        responder: Endpoint { address: address(server), port: 3001 },
        outcome: Outcome::Established,
        bytes: Counts { initiator: 100 + at, responder: 200 },
        payload_bytes: Counts { initiator: 10, responder: 10 },
        ..FlowRecord::silent(at)
    }
}

/// Some private, some public, of both families.
fn address(n: u8) -> IpAddr {
    match n % 4 {
        0 => IpAddr::V4(Ipv4Addr::new(192, 168, 0, n)),
        1 => IpAddr::V4(Ipv4Addr::new(198, 51, 100, n)),
        2 => IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, n.into())),
        _ => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, n.into())),
    }
}

/// Evidence of a protocol with facts, all in one exchange, the responder's header fields as given.
fn evidence(protocol: Protocol, headers: &[(&str, &str)], frame: u64) -> Evidence {
    let fact = |(leaf, value): &(&str, &str)| Fact {
        name: FactName { stem: "http.response-header", leaf: Some((*leaf).to_owned()) },
        value: (*value).to_owned(),
        direction: Direction::Responder,
        frame,
        later: Vec::new(),
        exchange: 1,
    };
    Evidence {
        protocol: Some(protocol),
        facts: headers.iter().map(fact).collect(),
        first_payload: Some((frame, Direction::Initiator)),
        ..Evidence::default()
    }
}

const EXPRESS: &[(&str, &str)] = &[("x-powered-by", "Express")];
const NEXT: &[(&str, &str)] = &[("x-powered-by", "Next.js")];

fn verdict(record: &FlowRecord, evidence: Option<&Evidence>) -> Verdict {
    classify(&CATALOGUE, record.service_port(), evidence, false)
}

/// What the pipeline does when a flow is classified and ends.
fn serve(
    stats: &mut Cells,
    record: &FlowRecord,
    kind: u32,
    evidence: Option<&Evidence>,
    texts: &[(TextSource, &str, u64)],
) {
    let verdict = verdict(record, evidence);
    if let Some(evidence) = evidence {
        let key = ServerKey::new(record.responder, record.transport);
        let first_frame = evidence.first_payload.unwrap().0;
        let proof_frame = &|_: Option<&Service>| Some(first_frame);
        let proof = ServerEvidence {
            confidence: verdict.confidence,
            protocol: verdict.protocol,
            service: verdict.service.as_ref(),
            also: &verdict.also,
            first_frame,
            proof_frame,
            texts,
            framings: 0,
        };
        stats.servers().take_evidence(key, &proof);
    }
    stats.add(record, kind, &verdict);
}

fn all(records: &[(FlowRecord, Option<Evidence>)]) -> Stats {
    let mut cells = Cells::new(10, 10);
    for (kind, (record, evidence)) in (0..).zip(records) {
        serve(&mut cells, record, kind, evidence.as_ref(), &[]);
    }
    let mut stats = cells.take();
    stats.fold();
    stats
}

/// The services and protocols after folding on port 3001, with their flows.
fn folded(stats: &Stats) -> Vec<(String, u64)> {
    let port = &stats.ports[&ServicePort::new(3001, Transport::Tcp)];
    let name = |speaker: &Speaker| {
        let service = speaker.service.as_deref().unwrap_or("-");
        format!("{}: {service}", speaker.protocol.map_or("-", Protocol::as_str))
    };
    port.folded_speakers()
        .iter()
        .map(|(speaker, speaking)| (name(speaker), speaking.flows))
        .collect()
}

#[test]
fn an_express_with_a_websocket_and_a_bare_page_is_one_row_and_one_server() {
    let stats = all(&[
        (connection(1, 0, 1), Some(evidence(Protocol::Http, EXPRESS, 4))),
        (connection(2, 0, 9), Some(evidence(Protocol::Http, &[], 10))),
        (connection(2, 0, 20), Some(evidence(Protocol::Websocket, &[], 22))),
    ]);
    assert_eq!(folded(&stats), [("http: express".to_owned(), 3)]);
    let port = &stats.ports[&ServicePort::new(3001, Transport::Tcp)];
    assert_eq!(port.speakers.len(), 3, "the counts stay unfolded");
    let servers: Vec<_> = stats.servers.rows().collect();
    let [server] = &servers[..] else { panic!("{servers:?}") };
    assert_eq!(server.protocols().collect::<Vec<_>>(), [Protocol::Http, Protocol::Websocket]);
    assert_eq!((server.flows, server.clients, server.proof_frame), (3, 2, Some(4)));
    assert_eq!(
        server.services.iter().map(|s| (s.id, s.frame)).collect::<Vec<_>>(),
        [("express", Some(4))]
    );
}

#[test]
fn a_flow_whose_server_calls_itself_something_else_stays_what_it_is() {
    let server = |product: &'static str| [("x-powered-by", "Express"), ("server", product)];
    let page = |product: &'static str| Some(evidence(Protocol::Http, &[("server", product)], 9));
    let stats = all(&[
        (connection(1, 0, 1), Some(evidence(Protocol::Http, &server("tides/2.0"), 4))),
        (connection(1, 0, 2), page("tides/1.9 (old)")),
        (connection(1, 0, 3), page("lighthouse")),
        (connection(1, 0, 4), Some(evidence(Protocol::Http, &[], 9))),
    ]);
    assert_eq!(folded(&stats), [("http: -".to_owned(), 1), ("http: express".to_owned(), 3)]);
    let port = &stats.ports[&ServicePort::new(3001, Transport::Tcp)];
    let (_, plain) = port.folded_speakers().iter().find(|(key, _)| key.service.is_none()).unwrap();
    assert!(plain.products.as_ref().unwrap().kept().any(|product| product == "lighthouse"));
}

#[test]
fn services_of_one_layer_stand_side_by_side_and_what_is_not_theirs_does_not_fold() {
    let page = || evidence(Protocol::Http, &[], 9);
    let mut refused = connection(3, 0, 30);
    (refused.outcome, refused.payload_bytes) = (Outcome::Refused, Counts::default());
    let unknown =
        Evidence { first_payload: Some((7, Direction::Initiator)), ..Evidence::default() };
    let stats = all(&[
        (connection(1, 0, 1), Some(evidence(Protocol::Http, EXPRESS, 4))),
        (connection(1, 0, 2), Some(evidence(Protocol::Http, NEXT, 5))),
        (connection(1, 0, 3), Some(page())),
        // Another server on the same port has one service, and flows that stay what they are.
        (connection(1, 1, 4), Some(evidence(Protocol::Http, EXPRESS, 6))),
        (connection(1, 1, 5), Some(evidence(Protocol::Tls, &[], 9))),
        (FlowRecord { responder: connection(1, 1, 0).responder, ..refused }, None),
        (connection(1, 1, 7), Some(unknown)),
        // A third one names none.
        (connection(1, 2, 8), Some(page())),
    ]);
    let mut found = folded(&stats);
    found.sort();
    let expected = [
        ("-: -", 1),
        ("-: -", 1),
        ("http: -", 2),
        ("http: express", 2),
        ("http: nextjs", 1),
        ("tls: -", 1),
    ];
    assert_eq!(found, expected.map(|(name, flows)| (name.to_owned(), flows)));
    assert_eq!(stats.servers.rows().len(), 3);
}

#[test]
fn the_service_of_the_highest_layer_takes_the_flows_of_what_stands_before_it() {
    let below = |layer, id: &str| {
        let mut service = (**CATALOGUE.service("express").unwrap()).clone();
        (service.layer, service.id) = (layer, id.into());
        Arc::new(service)
    };
    let mut cells = Cells::new(10, 10);
    let express = Some(evidence(Protocol::Http, EXPRESS, 4));
    let mut with_proxy = verdict(&connection(1, 0, 1), express.as_ref());
    with_proxy.also = vec![below(crate::catalogue::Layer::Proxy, "nginx")];
    let mut proxy = with_proxy.clone();
    proxy.service = proxy.also.pop();
    cells.add(&connection(1, 0, 1), 0, &with_proxy);
    cells.add(&connection(1, 0, 2), 1, &proxy);
    // Before another endpoint nothing more is known.
    cells.add(&connection(1, 1, 3), 1, &proxy);
    let mut stats = cells.take();
    stats.fold();
    let express = ("http: express".to_owned(), 2);
    assert_eq!(folded(&stats), [express, ("http: nginx".to_owned(), 1)]);
    let servers: Vec<_> = stats.servers.rows().collect();
    let ids: Vec<_> = servers[0].services.iter().map(|service| service.id).collect();
    let both = servers.iter().find(|server| server.key.address == address(0)).unwrap();
    assert_eq!(
        both.services.iter().map(|s| s.id).collect::<Vec<_>>(),
        ["express", "nginx"],
        "{ids:?}"
    );
}

#[test]
fn a_group_is_no_server_and_who_announces_to_it_is_one() {
    // The broadcast address of a network is known by the link layer alone.
    for group in [Ipv4Addr::BROADCAST, Ipv4Addr::new(10, 0, 0, 255)] {
        check_group(group);
    }
}

fn check_group(group: Ipv4Addr) {
    let to_group = group != Ipv4Addr::BROADCAST;
    let group = Endpoint { address: group.into(), port: 68 };
    let server = Endpoint { address: Ipv4Addr::new(10, 0, 0, 1).into(), port: 67 };
    let offer = FlowRecord {
        transport: Transport::Udp,
        initiator: server,
        responder: group,
        outcome: Outcome::Sent,
        to_group,
        ..connection(1, 0, 1)
    };
    let roles = |role| Evidence { roles: [Some(role), None], ..evidence(Protocol::Dhcp, &[], 3) };
    let discover = FlowRecord { initiator: Endpoint { port: 68, ..server }, ..offer.clone() };
    let stats = all(&[(offer, Some(roles(Role::Server))), (discover, Some(roles(Role::Client)))]);
    let servers: Vec<_> = stats.servers.rows().collect();
    let [one] = &servers[..] else { panic!("{servers:?}") };
    assert_eq!((one.key.address, one.key.port), (server.address, server.port));
    assert_eq!((one.clients, one.flows, one.bytes.initiator), (0, 1, 0));
}

#[test]
fn attempts_without_an_answer_take_no_place_and_count_at_the_port() {
    let mut cells = Cells::new(10, 3);
    let outcomes = [Outcome::Refused, Outcome::Unreachable, Outcome::NoAnswer];
    for n in 0..3000_u32 {
        let mut record = connection(n, n as u8, n.into());
        record.responder.address = IpAddr::V4(n.into());
        record.outcome = outcomes[n as usize % 3];
        record.payload_bytes = Counts::default();
        serve(&mut cells, &record, 0, None, &[]);
    }
    let stats = cells.take();
    assert!(stats.servers.rows().len() == 0);
    assert_eq!(stats.servers.flows_beyond_limit(), 0);
    let port = &stats.ports[&ServicePort::new(3001, Transport::Tcp)].all;
    assert!((2500..3500).contains(&port.failed.as_ref().unwrap().clients.count()));
}

/// Everything that outputs read of servers.
fn shown(stats: &Stats) -> (String, u64) {
    let folded: Vec<_> = folded(stats);
    (
        format!(
            "{:#?} {folded:?} {}",
            stats.servers.rows().collect::<Vec<_>>(),
            stats.servers.answers_beyond_limit()
        ),
        stats.servers.flows_beyond_limit(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn rows_depend_neither_on_the_order_of_flows_nor_on_who_counts_them(
        flows in prop::collection::vec((0_u32..40, 0_u8..12, 0_usize..7, 0_u8..30, any::<u64>(), 0_usize..4), 1..200),
        limit in prop::sample::select(&[1_usize, 3, 7, 100][..]),
        seed in any::<u64>(),
    ) {
        let kinds = [
            None,
            Some(evidence(Protocol::Http, &[], 4)),
            Some(evidence(Protocol::Http, EXPRESS, 4)),
            Some(evidence(Protocol::Http, NEXT, 4)),
            Some(evidence(Protocol::Websocket, &[], 4)),
            Some(evidence(Protocol::Tls, &[], 4)),
            Some(evidence(Protocol::Http, &[("server", "lighthouse")], 4)),
        ];
        let flows: Vec<_> = (0_u64..).zip(flows).map(|(n, (client, server, kind, text, order, who))| {
            let mut evidence = kinds[kind].clone();
            if let Some(evidence) = &mut evidence {
                evidence.first_payload = Some((order % 97, Direction::Initiator));
            }
            (order, who, connection(client, server, n), kind as u32, evidence, format!("name-{text}"))
        }).collect();
        let count = |cells: &mut Cells, (_, _, record, kind, evidence, text): &(u64, usize, FlowRecord, u32, Option<Evidence>, String)| {
            let texts = [(TextSource::Sni, text.as_str(), 5), (TextSource::Product, text.as_str(), 6)];
            serve(cells, record, *kind, evidence.as_ref(), &texts);
            let key = ServerKey::new(record.responder, record.transport);
            let frame = record.first_frame;
            if *kind == 0 {
                cells.servers().take_first_line(key, text, frame);
            } else {
                cells.servers().take_name((key.address, None), (TextSource::Dns, text), frame);
            }
        };
        let mut whole = Cells::new(10, limit);
        flows.iter().for_each(|flow| count(&mut whole, flow));
        let mut whole = whole.take();
        whole.fold();

        let mut shuffled = flows.clone();
        shuffled.sort_by_key(|flow| flow.0 ^ seed);
        let mut parts: Vec<_> = (0..4).map(|_| Cells::new(10, limit)).collect();
        let mut merged = Stats::with_max_servers(limit);
        for flow in &shuffled {
            count(&mut parts[flow.1], flow);
            if flow.0 % 7 == 0 {
                // A snapshot takes what has ended so far.
                merged.merge(parts[flow.1].take());
            }
        }
        parts.into_iter().for_each(|mut cells| merged.merge(cells.take()));
        merged.fold();
        prop_assert_eq!(shown(&merged), shown(&whole));
        prop_assert!(merged.servers.rows().len() <= limit);
        let kept: u64 = merged.servers.rows().map(|server| server.flows).sum();
        prop_assert_eq!(kept + merged.servers.flows_beyond_limit(), flows.len() as u64, "every flow is counted");
    }
}

#[test]
fn own_addresses_come_before_all_others() {
    let mut cells = Cells::new(10, 64);
    for n in (0..=255).rev() {
        serve(&mut cells, &connection(1, n, 1), 0, None, &[]);
    }
    let stats = cells.take();
    let is_own = |server: &Server<'_>| {
        let first = server.key.address.to_string();
        first.starts_with("192.168.") || first.starts_with("fd00:")
    };
    assert_eq!(stats.servers.rows().filter(is_own).count(), 64);
    assert_eq!(stats.servers.flows_beyond_limit(), 192);
}

#[test]
fn at_its_limit_the_table_takes_at_most_26_mib_whatever_servers_say_of_themselves() {
    let limit = Servers::DEFAULT_LIMIT;
    let mut cells = Cells::new(10, limit);
    let express = evidence(Protocol::Http, EXPRESS, 4);
    let long = |kind: &str, n: u32, i: u32| format!("{kind}{n}-{i}{}", "x".repeat(96));
    for n in 0..limit as u32 + 4096 {
        let mut record = connection(1, 0, 1);
        record.responder.address = IpAddr::V4((0xc633_0000_u32 + n).into());
        let texts: Vec<_> = (0..4)
            .flat_map(|i| {
                [(TextSource::Product, long("p", n, i), 1), (TextSource::Sni, long("n", n, i), 2)]
            })
            .collect();
        let texts: Vec<_> =
            texts.iter().map(|(source, text, frame)| (*source, text.as_str(), *frame)).collect();
        serve(&mut cells, &record, 0, Some(&express), &texts);
        let key = ServerKey::new(record.responder, record.transport);
        cells.servers().take_first_line(key, &"line ".repeat(20), 3);
        let name = long("d", n, 0);
        cells.servers().take_name((key.address, None), (TextSource::Dns, &name), 4);
        // The sets of clients are the only thing that grows with them.
        if n % 64 == 0 {
            for client in 0..1100 {
                record.initiator.address = IpAddr::V4((client * 977).into());
                serve(&mut cells, &record, 1, None, &[]);
            }
        }
    }
    let stats = cells.take();
    assert_eq!(stats.servers.rows().len(), limit);
    let bytes = stats.servers.footprint();
    assert!(bytes <= 26 << 20, "{bytes} bytes, {} a server", bytes / limit);
    assert!(bytes >= 16 << 20, "{bytes} bytes: the worst case is not met");
}

#[test]
fn the_earliest_first_line_stays_and_a_name_of_an_address_is_of_all_its_servers() {
    let mut cells = Cells::new(10, 10);
    let record = connection(1, 0, 1);
    let web = ServerKey::new(record.responder, record.transport);
    cells.add(&record, 0, &verdict(&record, None));
    for (line, frame) in [("second", 9), ("first", 4), ("third", 12)] {
        cells.servers().take_first_line(web, line, frame);
    }
    let other = FlowRecord {
        responder: Endpoint { port: 631, ..record.responder },
        payload_bytes: Counts::default(),
        ..record
    };
    cells.add(&other, 0, &verdict(&other, None));
    let address = web.address;
    cells.servers().take_name((address, None), (TextSource::Dns, "buoy.test"), 7);
    cells.servers().take_name((address, None), (TextSource::Dns, "buoy.test"), 2);
    let ipp = Some((631, Transport::Tcp));
    cells.servers().take_name((address, ipp), (TextSource::Mdns, "print._ipp._tcp.local"), 3);
    let stats = cells.take();
    let rows: Vec<_> = stats.servers.rows().collect();
    let line = rows.iter().map(|row| row.first_line.map(|line| (&*line.text, line.frame)));
    assert_eq!(line.collect::<Vec<_>>(), [None, Some(("first", 4))]);
    let names = |row: &Server<'_>| {
        row.address_names.iter().map(|name| (name.text.to_string(), name.frame)).collect::<Vec<_>>()
    };
    let host = ("buoy.test".to_owned(), 2);
    assert_eq!(names(&rows[0]), [("print._ipp._tcp.local".to_owned(), 3), host.clone()]);
    assert_eq!(names(&rows[1]), [host]);
    assert_eq!([rows[0].has_data, rows[1].has_data], [false, true]);
}
