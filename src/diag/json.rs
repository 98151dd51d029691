//! Problems for editors and scripts: one JSON object on one line. docs/diagnostics.md describes the fields, which are
//! all there in every problem; what a problem lacks is null or an empty list.

use super::text::escape_json;
use super::{Place, Problem, Problems};
use serde_json::{Map, Value, json};

impl Problems {
    /// All problems as one line of JSON, without the line's end.
    #[must_use]
    pub fn to_json(&self) -> String {
        let problems: Vec<Value> = self.iter().map(problem).collect();
        escape_json(&json!({ "ok": false, "problems": problems }).to_string())
    }
}

fn problem(problem: &Problem) -> Value {
    let related: Vec<Value> = problem.related.iter().map(related).collect();
    let mut fields = Map::new();
    fields.insert("code".into(), problem.code.as_str().into());
    fields.insert("severity".into(), "error".into());
    fields.insert("message".into(), problem.message.as_str().into());
    place(&mut fields, problem.place.as_ref());
    fields.insert("label".into(), json!(problem.label));
    fields.insert("notes".into(), json!(Vec::from_iter(&problem.note)));
    fields.insert("help".into(), json!(problem.help));
    fields.insert("related".into(), related.into());
    Value::Object(fields)
}

fn related((at, label): &(Place, String)) -> Value {
    let mut fields = Map::new();
    place(&mut fields, Some(at));
    fields.insert("label".into(), label.as_str().into());
    Value::Object(fields)
}

/// Adds the fields of a place.
fn place(fields: &mut Map<String, Value>, place: Option<&Place>) {
    fields.insert("file".into(), json!(place.map(|at| &at.file)));
    fields.insert("line".into(), json!(place.map(|at| at.line)));
    fields.insert("column".into(), json!(place.map(|at| at.column)));
    let end = place.map(|at| at.column + at.len);
    fields.insert("end_column".into(), json!(end));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Code;

    fn at(line: usize) -> Place {
        Place {
            file: "a.yaml".into(),
            line,
            column: 3,
            len: 6,
            line_text: "  epochs: 1".into(),
        }
    }

    #[test]
    fn every_field_is_there_in_a_fixed_order() {
        let full = Problem::new(Code::DuplicateKey, "duplicate key `epochs`")
            .at(at(9))
            .label("written again")
            .related(Some(at(7)), "first written here")
            .note("a fact")
            .help("keep one of the two");
        assert_eq!(
            Problems::from(full).to_json(),
            concat!(
                r#"{"ok":false,"problems":[{"code":"duplicate-key","severity":"error","#,
                r#""message":"duplicate key `epochs`","file":"a.yaml","line":9,"column":3,"#,
                r#""end_column":9,"label":"written again","notes":["a fact"],"#,
                r#""help":"keep one of the two","related":[{"file":"a.yaml","line":7,"#,
                r#""column":3,"end_column":9,"label":"first written here"}]}]}"#
            )
        );
        assert_eq!(
            Problems::from(Problem::new(Code::NotFound, "no \u{1b}[31m file")).to_json(),
            concat!(
                r#"{"ok":false,"problems":[{"code":"not-found","severity":"error","#,
                r#""message":"no \u001b[31m file","file":null,"line":null,"column":null,"#,
                r#""end_column":null,"label":null,"notes":[],"help":null,"related":[]}]}"#
            )
        );
    }
}
