//! `supcon schema`: the language for editors, as a JSON Schema, or for readers, as the key reference.

use super::out;
use crate::spec::schema;
use std::process::ExitCode;

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
