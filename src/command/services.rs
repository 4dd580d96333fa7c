//! `portlore services`.

use portlore::catalogue::Service;
use portlore::report::Style;
use portlore::report::pages::services as page;
use portlore::{Error, ErrorKind, Result};

use super::catalogue::load;
use super::output::Output;
use crate::cli::{PageFormat, ServicesArgs};

/// Columns of the table where it does not go to a terminal.
const WIDTH: usize = 80;

pub fn run(args: &ServicesArgs) -> Result<u8> {
    let catalogue = load(&args.catalogue.paths)?;
    let all = catalogue.services().iter().map(|service| &**service);
    let mut services: Vec<&Service> =
        all.filter(|service| args.words.iter().all(|word| page::is_meant(service, word))).collect();
    services.sort_by(|a, b| a.id.cmp(&b.id));
    if services.is_empty() {
        return Err(Error::new(ErrorKind::Usage, page::nothing_meant(&args.words))
            .with_remedy("portlore services lists all of them"));
    }
    let output = Output::standard();
    let is_terminal = output.is_terminal();
    output.write(|out, style| match args.format {
        PageFormat::Json => page::write_json(out, &services),
        PageFormat::Table => {
            let width = if is_terminal { style.width } else { WIDTH };
            page::write(out, &services, Style { width, ..style })
        }
    })?;
    Ok(0)
}
