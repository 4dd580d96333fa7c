//! The pages of `portlore diff`.

mod json;
mod text;

pub use self::json::write as write_json;
pub use self::text::write;
