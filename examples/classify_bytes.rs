//! Classifies bytes without a capture: `cargo run --example classify_bytes`

use portlore::classify::Fit;
use portlore::classify_bytes;
use portlore::decode::{ServicePort, Transport};

fn main() -> portlore::Result<()> {
    let banner: &[u8] = b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n";
    let verdict = classify_bytes(ServicePort::new(3037, Transport::Tcp), &[], &[banner])?;
    let fit = verdict.fit.map_or("no fit", Fit::as_str);
    println!("{verdict} [{}, {fit}]", verdict.confidence.as_str());
    for reason in &verdict.reasons {
        println!("  {}: {}", reason.fact, reason.value);
    }
    Ok(())
}
