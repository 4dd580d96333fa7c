//! Which side of a conversation over TCP is the client, by what both sides send.

use crate::decode::Transport;
use crate::detect::registry::{DETECTORS, inspect};
use crate::evidence::{Depth, Evidence, Protocol, Role};
use crate::flow::Opening;

/// Bytes of both sides of a connection whose handshake was not seen.
fn midstream(sides: [&[&[u8]]; 2]) -> Evidence {
    let mut segments = Vec::new();
    for (end, pieces) in sides.into_iter().enumerate() {
        let mut seq = 1;
        for piece in pieces {
            segments.push((end, seq, *piece));
            seq += piece.len() as u32;
        }
    }
    inspect(&Opening::from_segments(None, &segments), Depth::Facts)
}

/// The detectors that state roles over TCP, except those of protocols whose sides begin alike.
const STATED: [Protocol; 32] = [
    Protocol::Http,
    Protocol::Http2,
    Protocol::Grpc,
    Protocol::Tls,
    Protocol::Amqp,
    Protocol::Iperf3,
    Protocol::Kafka,
    Protocol::Memcached,
    Protocol::Mongodb,
    Protocol::Mqtt,
    Protocol::Mysql,
    Protocol::Nats,
    Protocol::Postgresql,
    Protocol::Redis,
    Protocol::Ftp,
    Protocol::Imap,
    Protocol::Pop3,
    Protocol::Smtp,
    Protocol::Ldap,
    Protocol::Rdp,
    Protocol::Smb,
    Protocol::Rtsp,
    Protocol::Opcua,
    Protocol::Socks,
    Protocol::Pjlink,
    Protocol::Modbus,
    Protocol::Dnp3,
    Protocol::S7,
    Protocol::Iec104,
    Protocol::Dap,
    Protocol::Hyperdeck,
    Protocol::Videohub,
];

#[test]
fn the_sides_of_a_sample_swapped_come_out_reversed() {
    let mut checked = 0;
    for detector in DETECTORS.iter().filter(|detector| STATED.contains(&detector.protocol)) {
        let samples = detector.samples.iter().enumerate();
        for (i, sample) in samples.filter(|(_, sample)| sample.transport == Transport::Tcp) {
            let as_is = midstream([sample.initiator, sample.responder]);
            let swapped = midstream([sample.responder, sample.initiator]);
            assert_eq!(as_is.protocol, swapped.protocol, "{}/{i}", detector.protocol);
            let [client, server] = as_is.roles;
            assert_eq!(swapped.roles, [server, client], "{}/{i}", detector.protocol);
            // A sample that is known by its beginning only may need it, and both sides of AMQP 1.0
            // begin alike.
            let alike = sample.initiator.first() == sample.responder.first();
            if as_is.protocol == Some(detector.protocol) && !alike {
                assert!(
                    as_is.is_oriented() && swapped.is_reversed(),
                    "{}/{i}: {:?}",
                    detector.protocol,
                    as_is.roles
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 50, "{checked}");
}

#[test]
fn one_side_alone_shows_its_role() {
    use Role::{Client, Server};

    for (protocol, role, bytes) in [
        (Protocol::Http, Client, &b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..]),
        (Protocol::Http, Server, b"HTTP/1.1 200 OK\r\nServer: a\r\n\r\n"),
        (Protocol::Redis, Client, b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"),
        (Protocol::Redis, Client, b"*2\r\n$9\r\nsubscribe\r\n$1\r\nk\r\n"),
        (Protocol::Redis, Server, b"*3\r\n$9\r\nsubscribe\r\n$1\r\nk\r\n:1\r\n"),
        (Protocol::Redis, Server, b"*2\r\n$5\r\nfirst\r\n$6\r\nsecond\r\n"),
        (Protocol::Mqtt, Client, b"\x30\x09\0\x05a/b/chi\xc0\0"),
        (Protocol::Mqtt, Server, b"\x30\x09\0\x05a/b/chi\xd0\0"),
        (Protocol::Nats, Client, b"PUB time.us 5\r\n12:00\r\n"),
        (Protocol::Nats, Server, b"MSG time.us 1 5\r\n12:00\r\n"),
        (Protocol::Postgresql, Server, b"C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I"),
        (Protocol::Memcached, Server, b"VALUE a 0 3\r\nabc\r\nEND\r\n"),
        (Protocol::Memcached, Client, b"set a 0 0 3\r\nabc\r\n"),
        (Protocol::Amqp, Server, b"\x01\0\x01\0\0\0\x04\0\x14\0\x0b\xce"),
        (Protocol::Amqp, Client, b"\x01\0\x01\0\0\0\x04\0\x14\0\x0a\xce"),
        (Protocol::Smtp, Client, b"EHLO client.example.org\r\n"),
        (Protocol::Smtp, Server, b"220 mail.example.org ESMTP Postfix\r\n"),
        (Protocol::Ftp, Server, b"227 Entering Passive Mode (192,0,2,1,200,13).\r\n"),
    ] {
        for (sides, roles) in
            [([&[bytes][..], &[]], [Some(role), None]), ([&[], &[bytes][..]], [None, Some(role)])]
        {
            let evidence = midstream(sides);
            assert_eq!(
                (evidence.protocol, evidence.roles),
                (Some(protocol), roles),
                "{:?}",
                String::from_utf8_lossy(bytes)
            );
        }
    }
}

#[test]
fn the_key_exchange_of_ssh_tells_what_its_banners_do_not() {
    let kexinit = [&b"\0\0\0\x1c\x04\x14"[..], &[7; 26]].concat();
    let with = |message: u8| {
        [&b"SSH-2.0-x\r\n"[..], &kexinit, b"\0\0\0\x2c\x06", &[message], &[7; 42]].concat()
    };
    let banner = b"SSH-2.0-x\r\n";
    let (client, server) = (with(30), with(31));
    assert_eq!(midstream([&[banner], &[banner]]).roles, [None; 2]);
    assert!(midstream([&[banner], &[&client]]).is_reversed());
    assert!(midstream([&[&server], &[banner]]).is_reversed());
    assert!(midstream([&[&client], &[&server]]).is_oriented());
}

#[test]
fn the_server_of_vnc_sends_first() {
    let banner: &[u8] = b"RFB 003.008\n";
    let of = |first, second| {
        inspect(
            &Opening::from_segments(None, &[(first, 1, banner), (second, 1, banner)]),
            Depth::Facts,
        )
    };
    assert!(of(0, 1).is_reversed());
    assert!(of(1, 0).is_oriented());
}
