//! `supcon schema`: the language for editors, as a JSON Schema, or for readers, as the key reference.

use super::out;
use crate::spec::schema;
use std::process::ExitCode;

pub(super) const MORE: &str = "\
An editor with a YAML language server takes the schema from a file that a spec names in its
first lines, as `supcon new` writes them: `# yaml-language-server: $schema=spec.schema.json`.

Examples:
  supcon schema > spec.schema.json
  supcon schema --markdown > keys.md";

/// Prints the JSON Schema, or with `markdown` the key reference.
pub(super) fn schema(markdown: bool) -> ExitCode {
    if markdown {
        out::print(&schema::markdown());
    } else {
        // `#` asks for indented JSON.
        out::line(&format!("{:#}", schema::json_schema()));
    }
    ExitCode::SUCCESS
}
