//! Writes the detectors' samples as inputs of the `detect` target: `cargo run --example seeds` in this folder.

use std::fs;
use std::path::Path;

use portlore::decode::Transport;
use portlore::detect::DETECTORS;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/detect");
    fs::create_dir_all(&folder)?;
    for detector in DETECTORS {
        for (number, sample) in detector.samples.iter().enumerate() {
            let mut seed = vec![u8::from(sample.transport == Transport::Udp)];
            for (pieces, side) in [(sample.initiator, 0), (sample.responder, 0x8000)] {
                for piece in pieces {
                    seed.extend((side | piece.len() as u16).to_le_bytes());
                    seed.extend(*piece);
                }
            }
            fs::write(folder.join(format!("{}-{number}", detector.protocol)), seed)?;
        }
    }
    Ok(())
}
