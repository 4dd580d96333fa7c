//! The catalogue of services: their claims on ports, the marks that identify them, and the IANA
//! registry. Data, not code.
//!
//! Takes the embedded `catalogue/` folder and the user's own files, and gives an index by port and
//! by fact. Knows no detector: the caller states which facts exist.
//!
//! `file` parses a service's file, whose tables are in `schema` and whose words are in `terms`;
//! `lint` checks it, `paths` finds the user's files, `model`, `mark` and `process_form` are what the
//! files state, and `registry` is the IANA registry. `build.rs` parses the embedded files in
//! advance.

pub(crate) mod by_id;
pub mod family;
mod fault;
mod file;
mod lint;
mod literal;
mod mark;
mod mark_index;
mod model;
mod paths;
mod process_form;
mod registry;
mod schema;
mod terms;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, OnceLock};

pub use file::parse;
pub use lint::{check, check_all};
pub use mark::{Compare, Condition, Mark, NameTemplate, Needle, Pattern};
pub use model::{Claim, Origin, Service};
pub use paths::{ServiceFile, user_folder};
pub use process_form::ProcessForm;
pub use registry::{PortRange, Registry, RegistryEntry};
pub use terms::{Conflict, Layer, Prevalence, Reach, Standing};

use mark_index::MarkIndex;
use paths::parse_all;
use schema::ServiceTable;
use sha2::{Digest, Sha256};

use crate::decode::ServicePort;
use crate::similar::did_you_mean;
use crate::{Error, ErrorKind, Result};

/// The tables of `catalogue/services`, in the compact form of `schema`.
static SHIPPED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/services.bin"));

/// Services with their claims and marks, indexed, and the IANA registry.
///
/// Verdicts share the services that they name, and stay valid without the catalogue.
pub struct Catalogue {
    /// Sorted by id.
    services: Vec<Arc<Service>>,
    /// Indices of service and claim, by port, the likeliest first.
    claims: HashMap<ServicePort, Vec<(usize, usize)>, foldhash::fast::RandomState>,
    /// Indices of the services of these claims, each once.
    claimants: HashMap<ServicePort, Vec<usize>, foldhash::fast::RandomState>,
    /// Indices of service and mark, by the fact of the mark's first condition.
    marks: HashMap<String, MarksOnFact, foldhash::fast::RandomState>,
    /// The IANA registry.
    pub registry: Registry,
    /// See [`digest`](Self::digest), once it has been computed.
    digest: OnceLock<[u8; 32]>,
}

/// The marks whose first condition is on one fact.
struct MarksOnFact {
    /// Indices of service and mark, in the order of the services.
    places: Vec<(usize, usize)>,
    /// Which of them can hold of a value.
    index: MarkIndex,
}

impl Catalogue {
    /// The shipped catalogue, loaded once.
    ///
    /// # Errors
    /// As [`load`](Self::load); a test of this crate rules that out.
    pub fn shipped() -> Result<Arc<Self>> {
        static SHIPPED: LazyLock<Result<Arc<Catalogue>>> =
            LazyLock::new(|| Catalogue::load(&[]).map(Arc::new));
        SHIPPED.clone()
    }

    /// Loads the shipped services and the user's. A user's service replaces a shipped one of the
    /// same id. A path is a service file, or a folder whose `.toml` files are service files.
    ///
    /// # Errors
    /// The faults of all files, each with file, line and remedy.
    pub fn load(user: &[PathBuf]) -> Result<Self> {
        Self::from_files(ServiceFile::read_all(user))
    }

    /// As [`load`](Self::load), of files that were read before.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_files(files: impl IntoIterator<Item = ServiceFile>) -> Result<Self> {
        let (users, errors) = parse_all(files);
        match Error::from_all(errors) {
            None => Self::over_shipped(users.into_iter().map(|(service, _)| service)),
            Some(error) => Err(error),
        }
    }

    /// The shipped services, with `users` in place of those of the same ids.
    fn over_shipped(users: impl IntoIterator<Item = Service>) -> Result<Self> {
        let mut services = BTreeMap::new();
        let mut errors = Vec::new();
        let tables: Vec<ServiceTable> = postcard::from_bytes(SHIPPED)
            .map_err(|error| Error::new(ErrorKind::Catalogue, error.to_string()))?;
        for table in tables {
            let name = format!("{}.toml", table.id);
            match file::service(table, &name, Origin::Shipped) {
                Ok(service) => drop(services.insert(service.id.clone(), service)),
                Err(error) => errors.push(error),
            }
        }
        services.extend(users.into_iter().map(|service| (service.id.clone(), service)));
        match Error::from_all(errors) {
            None => Ok(Self::new(services.into_values().collect())),
            Some(error) => Err(error),
        }
    }

    /// A catalogue of these services alone, without the shipped ones.
    #[must_use]
    pub fn of_services(services: Vec<Service>) -> Self {
        Self::new(services)
    }

    fn new(services: Vec<Service>) -> Self {
        let services: Vec<_> = services.into_iter().map(Arc::new).collect();
        let mut claims: HashMap<_, Vec<(usize, usize)>, _> = HashMap::default();
        let mut marks: HashMap<_, Vec<(usize, usize)>> = HashMap::new();
        for (s, service) in services.iter().enumerate() {
            for (c, claim) in service.claims.iter().enumerate() {
                for &transport in &claim.transports {
                    claims.entry(ServicePort::new(claim.port, transport)).or_default().push((s, c));
                }
            }
            for (m, mark) in service.marks.iter().enumerate() {
                marks.entry(mark.first.fact.as_str()).or_default().push((s, m));
            }
        }
        for on_port in claims.values_mut() {
            on_port.sort_by_key(|&(s, c)| {
                let (service, claim) = (&services[s], &services[s].claims[c]);
                (service.origin, claim.prevalence, claim.standing, s)
            });
        }
        let marks = marks.into_iter().map(|(fact, places)| {
            let first = |&(s, m): &(usize, usize)| &services[s].marks[m].first;
            let index = MarkIndex::new(places.iter().map(first));
            (fact.to_owned(), MarksOnFact { places, index })
        });
        let marks = marks.collect();
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
            digest: OnceLock::new(),
        }
    }

    /// A digest of all services with their claims and marks, and of the date of the registry.
    pub(crate) fn digest(&self) -> [u8; 32] {
        *self.digest.get_or_init(|| {
            let mut hash = Sha256::new();
            for service in &*self.services {
                hash.update(format!("{service:?}\n"));
            }
            hash.update(self.registry.date);
            hash.finalize().into()
        })
    }

    /// Every service, sorted by id.
    #[must_use]
    pub fn services(&self) -> &[Arc<Service>] {
        &self.services
    }

    /// The service of that id.
    #[must_use]
    pub fn service(&self, id: &str) -> Option<&Arc<Service>> {
        self.services.binary_search_by(|s| (*s.id).cmp(id)).ok().map(|i| &self.services[i])
    }

    /// The name for people of the service of that id; the id where there is none.
    #[must_use]
    pub fn name_of<'n>(&'n self, id: &'n str) -> &'n str {
        self.service(id).map_or(id, |service| &service.name)
    }

    /// A question with the names that come closest to `name`, which is no service's: `did you mean
    /// http or ftp?`. `None` where none comes close.
    #[must_use]
    pub fn did_you_mean(&self, name: &str) -> Option<String> {
        let registered: Vec<&str> =
            self.registry.named_ports().flat_map(|port| self.registry.names(port)).collect();
        let is_default = |service: &&Arc<Service>| {
            service.claims.iter().any(|claim| claim.reach == Reach::Default)
        };
        let services = self.services.iter().filter(is_default).map(|service| &*service.id);
        did_you_mean(name, services.chain(registered))
    }

    /// The claims on a port: those of the user's services first, then by prevalence, then by
    /// standing.
    pub fn claims_on(&self, port: ServicePort) -> impl Iterator<Item = (&Arc<Service>, &Claim)> {
        let on_port = self.claims.get(&port).map_or(&[][..], Vec::as_slice);
        on_port.iter().map(|&(s, c)| (&self.services[s], &self.services[s].claims[c]))
    }

    /// The services that claim a port, in the order of [`Self::claims_on`], each once.
    pub fn claimants(&self, port: ServicePort) -> impl Iterator<Item = &Arc<Service>> {
        let on_port = self.claimants.get(&port).map_or(&[][..], Vec::as_slice);
        on_port.iter().map(|&s| &self.services[s])
    }

    /// The ports that services claim, in no particular order.
    pub fn claimed_ports(&self) -> impl Iterator<Item = ServicePort> {
        self.claims.keys().copied()
    }

    /// The marks that can hold of a fact with this value, in the order of the services; the caller
    /// looks at their conditions. `places` is room that is used again.
    pub fn marks_for<'c, 'p>(
        &'c self,
        fact: &str,
        value: &str,
        places: &'p mut Vec<u32>,
    ) -> impl Iterator<Item = (&'c Arc<Service>, &'c Mark)> + use<'c, 'p> {
        let on_fact = self.marks.get(fact);
        places.clear();
        if let Some(on_fact) = on_fact {
            on_fact.index.find(value, places);
        }
        on_fact.into_iter().flat_map(|on_fact| {
            places.iter().map(|&place| {
                let (s, m) = on_fact.places[place as usize];
                (&self.services[s], &self.services[s].marks[m])
            })
        })
    }

    /// The names of the facts that the conditions of all marks are on; a name may be repeated.
    pub fn marked_facts(&self) -> impl Iterator<Item = &str> {
        let marks = self.services.iter().flat_map(|service| &service.marks);
        marks
            .flat_map(|mark| std::iter::once(&mark.first).chain(&mark.and))
            .map(|condition| condition.fact.as_str())
    }

    /// Whether `service` builds on `base`, directly or through other services.
    #[must_use]
    pub fn builds_on(&self, service: &Service, base: &str) -> bool {
        // Services that were visited are skipped: the user's files may build on each other.
        let mut open = vec![service];
        let mut seen = Vec::new();
        while let Some(next) = open.pop() {
            for id in &next.builds_on {
                if id == base {
                    return true;
                }
                if !seen.contains(&id) {
                    seen.push(id);
                    open.extend(self.service(id).map(Arc::as_ref));
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests;
