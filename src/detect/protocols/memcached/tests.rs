use super::*;

fn on(transport: Transport, initiator: &[u8], responder: &[u8]) -> bool {
    matches!(
        inspect(&Opening::from_payloads(transport, &[initiator], &[responder]), Depth::Facts),
        Detection::Yes(..)
    )
}

#[test]
fn words_that_other_text_protocols_have_too_prove_nothing() {
    assert!(!on(Transport::Tcp, b"quit\r\n", b"221 bye\r\n"));
    assert!(!on(Transport::Tcp, b"version\r\n", b"OK\r\n"));
    assert!(!on(Transport::Tcp, b"get k\r\n", b"$1\r\nv\r\n"));
    assert!(!on(Transport::Tcp, b"stats\r\n", b"OK 800\r\n---\r\n"));
    assert!(!on(Transport::Tcp, b"", b"OK\r\n"));
    assert!(!on(Transport::Tcp, b"delete 1\r\nquit\r\n", b"DELETED\r\n"));
    assert!(on(Transport::Tcp, b"delete a\r\nquit\r\n", b"DELETED\r\n"));
    assert!(!on(Transport::Tcp, b"set volume to 11\r\n", b""));
    assert!(!on(Transport::Tcp, b"set position 10 20 30\r\n", b"OK\r\n"));
}

#[test]
fn data_that_does_not_fit_its_length_is_refused() {
    assert!(on(Transport::Tcp, b"set a 0 0 3\r\nabc\r\n", b""));
    assert!(!on(Transport::Tcp, b"set a 0 0 3\r\nabcd\r\n", b""));
    assert!(!on(Transport::Tcp, b"set a 0 0 3\r\nabc\r\n", b"HTTP/1.0 400 Bad Request\r\n"));
}

#[test]
fn a_datagram_without_the_frame_header_is_refused() {
    assert!(on(Transport::Udp, b"\0\x01\0\0\0\x01\0\0stats\r\n", b""));
    assert!(!on(Transport::Udp, b"stats\r\n", b""));
    assert!(!on(Transport::Udp, b"\0\x01\0\x02\0\x01\0\0stats\r\n", b""));
    assert!(on(Transport::Udp, b"", b"\0\x01\0\0\0\x03\0\0STAT pid 1\r\nSTAT uptime 2\r\nSTAT ti"));
}
