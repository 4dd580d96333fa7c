//! Classifying bytes that come from no capture.

use crate::Result;
use crate::catalogue::Catalogue;
use crate::classify::{Verdict, classify};
use crate::decode::ServicePort;
use crate::detect;
use crate::evidence::Depth;
use crate::flow::Opening;

/// Classifies what the two sides of one conversation sent, as the shipped catalogue sees it.
///
/// `port` is the responder's port. `initiator` and `responder` hold the payloads in order, TCP
/// segments or UDP datagrams, each from the beginning of the conversation; the first 8 KiB of each
/// side are looked at. Frames of the reasons are numbered from 1, the initiator's first.
///
/// ```
/// use portlore::decode::{ServicePort, Transport};
///
/// # fn main() -> portlore::Result<()> {
/// let port = ServicePort::new(3001, Transport::Tcp);
/// let request: &[u8] = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
/// let response: &[u8] = b"HTTP/1.1 200 OK\r\nX-Powered-By: Express\r\nContent-Length: 0\r\n\r\n";
/// let verdict = portlore::classify_bytes(port, &[request], &[response])?;
/// assert_eq!(verdict.to_string(), "http: Express");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// If the shipped catalogue cannot be loaded, which a test of this crate rules out.
pub fn classify_bytes(
    port: ServicePort,
    initiator: &[&[u8]],
    responder: &[&[u8]],
) -> Result<Verdict> {
    let opening = Opening::from_payloads(port.transport, initiator, responder);
    let is_silent = initiator.iter().chain(responder).all(|payload| payload.is_empty());
    let evidence = (!is_silent).then(|| detect::inspect(&opening, Depth::Facts));
    Ok(classify(&*Catalogue::shipped()?, port, evidence.as_ref(), true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::{Confidence, Fit};
    use crate::decode::Transport;

    #[test]
    fn silence_rests_on_the_port_alone() {
        let port = ServicePort::new(3002, Transport::Tcp);
        let verdict = classify_bytes(port, &[], &[b""]).unwrap();
        assert_eq!((verdict.protocol, verdict.confidence), (None, Confidence::Port));
    }

    #[test]
    fn a_shell_contradicts_the_ports_of_plants_and_networks() {
        let banner: &[u8] = b"SSH-2.0-OpenSSH_9.2p1\r\n";
        let fit = |port| {
            let port = ServicePort::new(port, Transport::Tcp);
            classify_bytes(port, &[banner], &[banner]).unwrap().fit
        };
        for port in [102, 322, 502, 554, 802, 873, 1080, 2404, 3268, 3269, 4840, 4843, 20_000] {
            assert_eq!(fit(port), Some(Fit::Contradicts), "{port}");
        }
        assert_eq!(fit(22), Some(Fit::Agrees));
    }
}
