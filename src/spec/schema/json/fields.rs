//! The keywords of small schemas: types, patterns, choices and bounds.

use super::super::Range;
use super::Fields;
use serde_json::{Value, json};

pub(super) fn fields<const N: usize>(pairs: [(&str, Value); N]) -> Fields {
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// A mapping with these keys and no others.
pub(super) fn mapping(nullable: bool, properties: Fields) -> Fields {
    fields([
        ("type", types("object", nullable)),
        ("properties", properties.into()),
        ("additionalProperties", json!(false)),
    ])
}

pub(super) fn types(name: &str, nullable: bool) -> Value {
    if nullable {
        json!([name, "null"])
    } else {
        json!(name)
    }
}

pub(super) fn text(pattern: &str, nullable: bool) -> Fields {
    fields([
        ("type", types("string", nullable)),
        ("pattern", json!(pattern)),
    ])
}

pub(super) fn choice(choices: &[(&str, &str)], nullable: bool) -> Fields {
    let mut cases: Vec<Value> = Vec::new();
    for (word, doc) in choices {
        cases.push(json!({"const": word, "description": doc}));
    }
    if nullable {
        cases.push(json!({"type": "null"}));
    }
    fields([("oneOf", cases.into())])
}

pub(super) fn number(range: &Range, nullable: bool) -> Fields {
    let mut schema = fields([("type", types("number", nullable))]);
    if range.min > f64::MIN {
        let keyword = if range.above_min {
            "exclusiveMinimum"
        } else {
            "minimum"
        };
        schema.insert(keyword.into(), bound(range.min));
    }
    if range.max < f64::MAX {
        let keyword = if range.below_max {
            "exclusiveMaximum"
        } else {
            "maximum"
        };
        schema.insert(keyword.into(), bound(range.max));
    }
    schema
}

pub(super) fn whole(min: u64, max: u64, nullable: bool) -> Fields {
    let mut schema = fields([
        ("type", types("integer", nullable)),
        ("minimum", json!(min)),
    ]);
    // The largest u64 is no number that an editor could hold.
    if max < u64::MAX {
        schema.insert("maximum".into(), json!(max));
    }
    schema
}

/// A bound as a person would write it: `0`, not `0.0`.
fn bound(x: f64) -> Value {
    if x.fract() == 0.0 && x.abs() < 1e15 {
        json!(x as i64)
    } else {
        json!(x)
    }
}
