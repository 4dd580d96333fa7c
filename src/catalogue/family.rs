//! The families of services, which tags name, in words for people.

/// The heading and the kind of each family that the shipped catalogue has, by tag.
const FAMILIES: [(&str, &str, &str); 22] = [
    ("ai", "AI", "an AI server"),
    ("app-search", "Enterprise", "a search engine"),
    ("banking", "Enterprise", "home banking"),
    ("csta", "Telephony", "computer telephony"),
    ("database", "Databases", "a database"),
    ("debugger", "Development", "a debugger"),
    ("dev-server", "Development", "a development server"),
    ("exlm", "Enterprise", "EXLM"),
    ("game", "Games", "a game server"),
    ("home", "Home", "a home device"),
    ("industrial", "Industrial", "industrial control"),
    ("infrastructure", "Infrastructure", "network infrastructure"),
    ("medical", "Medicine", "a medical system"),
    ("messaging", "Messaging", "messaging"),
    ("monitoring", "Monitoring", "monitoring"),
    ("osc", "Show control", "show control over OSC"),
    ("remote-access", "Remote access", "remote access"),
    ("server-automation", "Enterprise", "server automation"),
    ("show-control", "Show control", "show control"),
    ("telephony", "Telephony", "telephony"),
    ("web-app", "Applications", "a web application"),
    ("web-server", "Web servers", "a web server"),
];

/// The tags of the families.
pub(super) fn tags() -> impl Iterator<Item = &'static str> {
    FAMILIES.iter().map(|&(tag, ..)| tag)
}

/// The heading under which services of a tag stand: `Development` for `dev-server`; the tag itself
/// if it is unknown, as it may be in a service file that was not checked.
#[must_use]
pub fn heading(tag: &str) -> &str {
    find(tag).map_or(tag, |&(_, heading, _)| heading)
}

/// What a service of the tag is: `a development server` for `dev-server`.
#[must_use]
pub fn kind(tag: &str) -> Option<&'static str> {
    find(tag).map(|&(.., kind)| kind)
}

fn find(tag: &str) -> Option<&'static (&'static str, &'static str, &'static str)> {
    FAMILIES.iter().find(|(known, ..)| *known == tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;

    #[test]
    fn every_tag_of_the_shipped_catalogue_has_a_heading_and_a_kind() {
        for service in Catalogue::shipped().unwrap().services() {
            assert!(kind(&service.tag).is_some(), "{}: {}", service.id, service.tag);
        }
        assert_eq!((heading("dev-server"), heading("our-own")), ("Development", "our-own"));
    }
}
