//! Makes the data that is part of the program: the shipped catalogue in a form that is read in a
//! fraction of the time that TOML takes, and the IANA registry sorted by port.

// Names of words, which only outputs need.
#[allow(dead_code)]
#[path = "src/catalogue/schema.rs"]
mod schema;
#[allow(dead_code)]
#[path = "src/catalogue/terms.rs"]
mod terms;

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use schema::ServiceTable;
use terms::{Conflict, Layer, Prevalence, Reach, Standing};

const SERVICES: &str = "catalogue/services";
const REGISTRY: &str = "catalogue/registry.tsv";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={SERVICES}");
    println!("cargo::rerun-if-changed={REGISTRY}");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    make_services(&out)?;
    make_registry(&out)
}

/// Makes `services.bin`, the tables of all service files in the order of their names.
fn make_services(out: &Path) -> Result<(), Box<dyn Error>> {
    let files = fs::read_dir(SERVICES)?.map(|entry| Ok(entry?.path()));
    let mut files = files.collect::<Result<Vec<PathBuf>, std::io::Error>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    let tables = files.iter().map(|file| {
        ServiceTable::from_toml(&fs::read_to_string(file)?)
            .map_err(|(line, reason)| format!("{}:{line}: {reason}", file.display()).into())
    });
    let tables = tables.collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    Ok(fs::write(out.join("services.bin"), postcard::to_allocvec(&tables)?)?)
}

/// Makes `registry.txt`, a line `name TAB description` for each line of the registry, by port and
/// transport, and `registry.rs`, the tables by which `src/catalogue/registry.rs` finds the lines
/// of a port.
fn make_registry(out: &Path) -> Result<(), Box<dyn Error>> {
    let table = fs::read_to_string(REGISTRY)?;
    let date = table.split_once("published ").and_then(|(_, rest)| rest.get(..10));
    // Several names of a port stay in IANA's order.
    let mut lines: BTreeMap<usize, Vec<[&str; 2]>> = BTreeMap::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split('\t');
        let mut field = || fields.next().unwrap_or("");
        let (port, transport) = (field(), field());
        let (Ok(port), Some(transport)) =
            (port.parse::<u16>(), ["tcp", "udp"].iter().position(|known| *known == transport))
        else {
            continue;
        };
        lines.entry(usize::from(port) * 2 + transport).or_default().push([field(), field()]);
    }
    let (mut text, mut starts) = (String::new(), vec![0]);
    let (mut present, mut named, mut before) = (vec![0_u64; 2048], vec![0_u64; 2048], Vec::new());
    for (&at, entries) in &lines {
        present[at / 64] |= 1 << (at % 64);
        named[at / 64] |= u64::from(entries.iter().any(|entry| !entry[0].is_empty())) << (at % 64);
        for [name, description] in entries {
            writeln!(text, "{name}\t{description}")?;
        }
        starts.push(text.len());
    }
    let mut ports = 0;
    for word in &present {
        before.push(ports);
        ports += word.count_ones();
    }
    let code = format!(
        "const DATE: &str = {:?};\n\
         static PRESENT: [u64; {}] = {present:?};\n\
         static NAMED: [u64; {}] = {named:?};\n\
         static BEFORE: [u16; {}] = {before:?};\n\
         static STARTS: [u32; {}] = {starts:?};\n",
        date.unwrap_or(""),
        present.len(),
        named.len(),
        before.len(),
        starts.len(),
    );
    fs::write(out.join("registry.txt"), text)?;
    Ok(fs::write(out.join("registry.rs"), code)?)
}
