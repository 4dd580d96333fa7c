//! `portlore help`.

use portlore::Result;

use super::output::Output;
use crate::cli;

pub fn run(words: &[String]) -> Result<u8> {
    let output = Output::standard();
    let text = cli::explain(words, output.style().colour);
    output.write(|out, _| out.write_all(text.as_bytes()))?;
    Ok(0)
}
