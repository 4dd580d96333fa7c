//! `portlore completions`.

use portlore::Result;

use super::output::Output;
use crate::cli::Shell;

/// Prints the script, which is part of the program.
pub fn run(shell: Shell) -> Result<u8> {
    let script = match shell {
        Shell::Bash => include_str!("../../completions/portlore.bash"),
        Shell::Zsh => include_str!("../../completions/_portlore"),
        Shell::Fish => include_str!("../../completions/portlore.fish"),
    };
    Output::standard().write(|out, _| out.write_all(script.as_bytes()))?;
    Ok(0)
}
