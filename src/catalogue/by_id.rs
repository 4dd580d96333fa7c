//! Services in saved state: written by their ids, and read from the catalogue that is in use.

use std::cell::RefCell;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Error};

use super::{Catalogue, Service};

thread_local! {
    /// The catalogue whose services are read on this thread.
    static READ_FROM: RefCell<Option<Arc<Catalogue>>> = const { RefCell::new(None) };
}

impl Catalogue {
    /// Reads state, in which services of this catalogue are named by their ids.
    pub(crate) fn read_state<T>(self: &Arc<Self>, read: impl FnOnce() -> T) -> T {
        let before = READ_FROM.replace(Some(Arc::clone(self)));
        let result = read();
        READ_FROM.set(before);
        result
    }
}

/// Takes the service whose id comes next.
fn service<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Service>, D::Error> {
    let id = crate::saved::text(deserializer)?;
    let found = READ_FROM.with_borrow(|catalogue| catalogue.as_ref()?.service(id).cloned());
    found.ok_or_else(|| D::Error::custom("a service is not in the catalogue"))
}

/// A service, as it stands in a list or behind an option.
struct ById(Arc<Service>);

impl<'de> Deserialize<'de> for ById {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        service(deserializer).map(Self)
    }
}

/// One service.
pub(crate) mod one {
    use std::sync::Arc;

    use serde::{Deserializer, Serializer};

    use crate::catalogue::Service;

    pub(crate) fn serialize<S: Serializer>(
        service: &Arc<Service>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&service.id)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<Service>, D::Error> {
        super::service(deserializer)
    }
}

/// A service or none.
pub(crate) mod option {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::catalogue::Service;

    #[allow(clippy::ref_option, reason = "the form that serde calls")]
    pub(crate) fn serialize<S: Serializer>(
        service: &Option<Arc<Service>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        service.as_ref().map(|service| &*service.id).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Arc<Service>>, D::Error> {
        let service = Option::<super::ById>::deserialize(deserializer)?;
        Ok(service.map(|service| service.0))
    }
}

/// Several services.
pub(crate) mod list {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    use crate::catalogue::Service;

    pub(crate) fn serialize<S: Serializer>(
        services: &[Arc<Service>],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(services.iter().map(|service| &*service.id))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Arc<Service>>, D::Error> {
        let services = Vec::<super::ById>::deserialize(deserializer)?;
        Ok(services.into_iter().map(|service| service.0).collect())
    }
}
