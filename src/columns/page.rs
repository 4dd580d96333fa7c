//! The list of columns in `docs/flows.md`.

use super::table::COLUMNS;

/// The columns as a table in Markdown.
#[must_use]
pub fn page() -> String {
    let mut page = String::from("| column | type | unit | meaning |\n|---|---|---|---|\n");
    for column in COLUMNS {
        let (name, kind) = (column.name, column.kind.as_str());
        page += &format!("| `{name}` | {kind} | {} | {} |\n", column.unit, column.meaning);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: &str = "<!-- The table of columns: `make bless` writes it. -->\n";
    const END: &str = "<!-- End of the table. -->";

    #[test]
    fn the_documentation_lists_the_columns_as_they_are() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/flows.md");
        let text = std::fs::read_to_string(&path).unwrap();
        let (head, rest) = text.split_once(BEGIN).unwrap();
        let (written, tail) = rest.split_once(END).unwrap();
        let expected = format!("\n{}\n", page());
        if std::env::var_os("PORTLORE_BLESS").is_some() {
            std::fs::write(&path, format!("{head}{BEGIN}{expected}{END}{tail}")).unwrap();
        } else {
            assert_eq!(written, expected, "run `make bless`");
        }
    }
}
