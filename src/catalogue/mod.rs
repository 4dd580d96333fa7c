//! What is known of ports: services with their claims and marks, and the IANA registry. Data, not
//! code.
//!
//! Takes the embedded `catalogue/` folder and the user's own files, gives an index by port and by
//! fact. Knows no detector: whether a fact can be stated at all is a question that the caller
//! answers.

mod file;
mod lint;
mod mark;
mod model;
mod registry;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

pub use file::{Fault, parse};
pub use lint::{check, check_all};
pub use mark::{Compare, Condition, Mark, Needle, Pattern};
pub use model::{Claim, Conflict, Origin, Prevalence, Service, Standing};
pub use registry::{Entry, Range, Registry};

use crate::decode::Transport;

static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/catalogue/services");

/// Services, claims, marks, and the registry.
pub struct Catalogue {
    /// By id.
    services: Vec<Service>,
    /// Service and claim, the likeliest first.
    claims: HashMap<(u16, Transport), Vec<(usize, usize)>, foldhash::fast::RandomState>,
    /// The services of these claims, each once.
    claimants: HashMap<(u16, Transport), Vec<usize>, foldhash::fast::RandomState>,
    /// Service and mark, by the name of the fact that the mark looks at first.
    marks: HashMap<String, Vec<(usize, usize)>, foldhash::fast::RandomState>,
    /// The registry.
    pub registry: Registry,
}

impl Catalogue {
    /// The shipped services and, over them, the user's files: a service of the same id replaces a
    /// shipped one. Folders stand for the `.toml` files in them.
    ///
    /// # Errors
    /// What is wrong with a file, each with its line and remedy.
    pub fn load(user: &[PathBuf]) -> Result<Self, Vec<Fault>> {
        let (users, faults) = parse_all(user);
        if faults.is_empty() {
            Self::over_shipped(users.into_iter().map(|(service, _)| service))
        } else {
            Err(faults)
        }
    }

    /// The shipped services and the given ones over them.
    fn over_shipped(users: impl IntoIterator<Item = Service>) -> Result<Self, Vec<Fault>> {
        let mut services = BTreeMap::new();
        let mut faults = Vec::new();
        for file in SHIPPED.files() {
            let name = file.path().display().to_string();
            let text = file.contents_utf8().unwrap_or_default();
            match parse(text, &name, Origin::Shipped) {
                Ok(service) => drop(services.insert(service.id.clone(), service)),
                Err(fault) => faults.push(fault),
            }
        }
        services.extend(users.into_iter().map(|service| (service.id.clone(), service)));
        if faults.is_empty() {
            Ok(Self::new(services.into_values().collect()))
        } else {
            Err(faults)
        }
    }

    fn new(services: Vec<Service>) -> Self {
        let mut claims: HashMap<_, Vec<(usize, usize)>, _> = HashMap::default();
        let mut marks: HashMap<_, Vec<(usize, usize)>, _> = HashMap::default();
        for (s, service) in services.iter().enumerate() {
            for (c, claim) in service.claims.iter().enumerate() {
                for &transport in &claim.transports {
                    claims.entry((claim.port, transport)).or_default().push((s, c));
                }
            }
            for (m, mark) in service.marks.iter().enumerate() {
                marks.entry(mark.first.fact.clone()).or_default().push((s, m));
            }
        }
        for on_port in claims.values_mut() {
            on_port.sort_by_key(|&(s, c)| {
                let (service, claim) = (&services[s], &services[s].claims[c]);
                (service.origin, claim.prevalence, claim.standing, s)
            });
        }
        let claimants = claims.iter().map(|(&port, on_port)| {
            let mut seen = Vec::new();
            for &(s, _) in on_port {
                if !seen.contains(&s) {
                    seen.push(s);
                }
            }
            (port, seen)
        });
        Self {
            claimants: claimants.collect(),
            services,
            claims,
            marks,
            registry: Registry::shipped(),
        }
    }

    /// Every service, by id.
    #[must_use]
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// The service of that id.
    #[must_use]
    pub fn service(&self, id: &str) -> Option<&Service> {
        self.services.binary_search_by(|s| s.id.as_str().cmp(id)).ok().map(|i| &self.services[i])
    }

    /// Who claims a port: the user's services first, then by prevalence, then by standing.
    pub fn claims_on(
        &self,
        port: u16,
        transport: Transport,
    ) -> impl Iterator<Item = (&Service, &Claim)> {
        let on_port = self.claims.get(&(port, transport)).map_or(&[][..], Vec::as_slice);
        on_port.iter().map(|&(s, c)| (&self.services[s], &self.services[s].claims[c]))
    }

    /// The services that claim a port, in the same order, each once.
    pub fn claimants(&self, port: u16, transport: Transport) -> impl Iterator<Item = &Service> {
        let on_port = self.claimants.get(&(port, transport)).map_or(&[][..], Vec::as_slice);
        on_port.iter().map(|&s| &self.services[s])
    }

    /// The ports that services claim.
    pub fn claimed_ports(&self) -> impl Iterator<Item = (u16, Transport)> {
        self.claims.keys().copied()
    }

    /// The marks that look at this fact first.
    pub fn marks_on(&self, fact: &str) -> impl Iterator<Item = (&Service, &Mark)> {
        let on_fact = self.marks.get(fact).map_or(&[][..], Vec::as_slice);
        on_fact.iter().map(|&(s, m)| (&self.services[s], &self.services[s].marks[m]))
    }

    /// The facts that marks look at.
    pub fn marked_facts(&self) -> impl Iterator<Item = &str> {
        let marks = self.services.iter().flat_map(|service| &service.marks);
        marks
            .flat_map(|mark| std::iter::once(&mark.first).chain(&mark.and))
            .map(|condition| condition.fact.as_str())
    }

    /// Whether `service` carries the marks of `base` too, directly or through others.
    #[must_use]
    pub fn builds_on(&self, service: &Service, base: &str) -> bool {
        // Depth-first with a memory: a user's file may name a circle.
        let mut open = vec![service];
        let mut seen = Vec::new();
        while let Some(next) = open.pop() {
            for id in &next.builds_on {
                if id == base {
                    return true;
                }
                if !seen.contains(&id) {
                    seen.push(id);
                    open.extend(self.service(id));
                }
            }
        }
        false
    }
}

/// The folder of the user's own service files, where it has some: `.config/portlore/services` in
/// `home`; where that is not given `$XDG_CONFIG_HOME/portlore/services`, else
/// `~/.config/portlore/services`.
#[must_use]
pub fn user_folder(home: Option<PathBuf>) -> Option<PathBuf> {
    let variable =
        |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let config = match home {
        Some(home) => home.join(".config"),
        None => variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")))?,
    };
    let folder = config.join("portlore").join("services");
    // An empty folder is no mistake here; one named on the command line is.
    (folder.is_dir() && toml_files(&folder).is_ok()).then_some(folder)
}

/// A file itself, or the `.toml` files of a folder by name.
///
/// # Errors
/// Where the path cannot be read, or a folder has none.
fn toml_files(path: &Path) -> Result<Vec<PathBuf>, Fault> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).map_err(|e| Fault::unreadable(path, &e))?;
    let mut files: Vec<_> = entries
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.extension().is_some_and(|x| x == "toml"))
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(Fault::empty(path));
    }
    Ok(files)
}

/// The user's services in files and in folders of files, each with its file's name, and what is
/// wrong with the rest.
fn parse_all(paths: &[PathBuf]) -> (Vec<(Service, String)>, Vec<Fault>) {
    let mut services = Vec::new();
    let mut faults = Vec::new();
    for path in paths {
        let files = toml_files(path).unwrap_or_else(|fault| {
            faults.push(fault);
            Vec::new()
        });
        for file in files {
            let name = file.display().to_string();
            match read(&file).and_then(|text| parse(&text, &name, Origin::User)) {
                Ok(service) => services.push((service, name)),
                Err(fault) => faults.push(fault),
            }
        }
    }
    (services, faults)
}

/// The text of a catalogue file.
///
/// # Errors
/// Where it cannot be read.
fn read(path: &Path) -> Result<String, Fault> {
    std::fs::read_to_string(path).map_err(|e| Fault::unreadable(path, &e))
}

#[cfg(test)]
mod tests;
