//! Packs what is worth keeping of a target's minimised corpus: `cargo run --example keep TARGET` in
//! this folder reads `corpus/TARGET` and writes `kept/TARGET`, the smallest inputs first, up to
//! [`MOST`] bytes.

use std::fs;
use std::io;
use std::path::Path;

/// Bytes of a kept corpus.
const MOST: usize = 64 << 10;
/// Inputs beyond this length are for long runs.
const LONGEST: usize = 4 << 10;

fn main() -> io::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::create_dir_all(here.join("kept"))?;
    for target in std::env::args().skip(1) {
        let mut inputs = Vec::new();
        for entry in fs::read_dir(here.join("corpus").join(&target))? {
            inputs.push(fs::read(entry?.path())?);
        }
        inputs.retain(|input| input.len() <= LONGEST);
        inputs.sort_by_key(|input| (input.len(), input.clone()));
        inputs.dedup();
        let mut kept = Vec::new();
        // Every n-th, so that long ones are among them.
        let size: usize = inputs.iter().map(|input| input.len() + 4).sum();
        let step = size.div_ceil(MOST).max(1);
        for input in inputs.iter().step_by(step) {
            kept.extend((input.len() as u32).to_le_bytes());
            kept.extend(input);
        }
        println!("{target}: {} of {} inputs, {} bytes", inputs.len().div_ceil(step), inputs.len(), kept.len());
        fs::write(here.join("kept").join(&target), kept)?;
    }
    Ok(())
}
