//! `supcon schema`: the language for editors, as a JSON Schema, or for readers, as the key reference.

use crate::spec::schema;
use std::process::ExitCode;

/// Prints the JSON Schema, or with `markdown` the key reference.
pub(super) fn schema(markdown: bool) -> ExitCode {
    if markdown {
        print!("{}", schema::markdown());
    } else {
        // `#` asks for indented JSON.
        println!("{:#}", schema::json_schema());
    }
    ExitCode::SUCCESS
}
