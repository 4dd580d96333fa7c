//! The Content-Security-Policy of the page: its own style and script and nothing else.
//! <https://www.w3.org/TR/CSP3/>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The policy that allows this style and this script, by their hashes. An empty icon in the page
/// keeps browsers from asking for one.
pub(super) fn policy(style: &str, script: &str) -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    format!(
        "default-src 'none'; style-src {}; script-src {}; img-src data:; base-uri 'none'; \
         form-action 'none'",
        hash(style),
        hash(script)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_allows_what_has_the_hash_and_nothing_else() {
        // The hash of no bytes, as `openssl dgst -sha256 -binary | base64` prints it.
        let empty = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='";
        let policy = policy("", "a");
        assert!(policy.starts_with("default-src 'none'; "));
        assert!(policy.contains(&format!("style-src {empty};")), "{policy}");
        assert!(!policy.contains(&format!("script-src {empty};")) && !policy.contains("unsafe"));
    }
}
