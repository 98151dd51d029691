//! The tables as JSON Schema (draft 2020-12), for completion, hover and marks in editors.
//! It never marks what the check accepts: `~` deletes any key, and a spec with `extends` may leave out what its bases
//! hold. It does not mark all that the check refuses, such as conflicts; the check has the last word.

mod fields;

use super::{Key, Kind, LABEL, LANGUAGE, Need, PHASE_NAME, Part, SPEC, Section};
use crate::spec::{templates, yaml};
use fields::{choice, fields, mapping, number, text, types, whole};
use serde_json::{Map, Value, json};

/// Keywords of a schema, in the order written.
type Fields = Map<String, Value>;

/// What `extends` takes for a file rather than for the name of a template.
const FILE: &str = r"/|\.[yY][aA]?[mM][lL]$";

/// The JSON Schema of a spec.
#[must_use]
pub fn json_schema() -> Value {
    let mut writer = Writer {
        shared: Fields::new(),
    };
    let mut root = fields([
        (
            "$schema",
            json!("https://json-schema.org/draft/2020-12/schema"),
        ),
        ("title", json!("supcon spec")),
        ("description", json!(SPEC.doc)),
    ]);
    root.extend(mapping(false, writer.keys(SPEC.keys, true)));
    // What a base or a sweep may hold is not required here.
    let elsewhere = ["extends", "sweep"].map(|key| json!({"required": [key]}));
    root.insert("if".into(), json!({ "anyOf": elsewhere }));
    root.insert("else".into(), complete_keys(SPEC.keys).into());
    root.insert("$defs".into(), writer.shared.into());
    Value::Object(root)
}

/// Writes what a key may hold. Nothing is required here: `complete` says what must be there without `extends`.
struct Writer {
    /// Parts and steps, which stand once under `$defs`.
    shared: Fields,
}

impl Writer {
    /// A schema for each key; `removable` keys may be absent, and so may be `~`.
    fn keys(&mut self, keys: &[Key], removable: bool) -> Fields {
        keys.iter()
            .map(|key| (key.name.to_owned(), self.key(key, removable).into()))
            .collect()
    }

    fn key(&mut self, key: &Key, removable: bool) -> Fields {
        let need = if removable {
            format!("; {}", key.need.words())
        } else {
            String::new()
        };
        let description = format!("{}\n\nTakes {}{need}.", key.doc, key.kind.words());
        let mut schema = fields([
            ("title", json!(key.name)),
            ("description", json!(description)),
        ]);
        for (name, value) in self.kind(&key.kind, removable) {
            schema.entry(name).or_insert(value);
        }
        if let Need::Default(text) = key.need {
            let value = yaml::from_text(text).expect("a test reads every default of the schema");
            schema.insert("default".into(), value);
        }
        schema
    }

    fn kind(&mut self, kind: &Kind, nullable: bool) -> Fields {
        match kind {
            Kind::Float(range) => number(range, nullable),
            Kind::Whole(min, max) => whole(*min, *max, nullable),
            Kind::Text | Kind::Path => text(r"\S", nullable),
            Kind::Label => text(LABEL.pattern, nullable),
            Kind::Choice(choices) => choice(choices, nullable),
            Kind::List(item, least) => self.list(item, *least, nullable),
            Kind::Set(item, least) => {
                let mut schema = self.list(item, *least, nullable);
                schema.insert("uniqueItems".into(), json!(true));
                schema
            }
            Kind::Map(section) => self.section(section, nullable),
            Kind::Part(part) => self.part(part),
            Kind::Step(steps) => self.step(steps),
            Kind::Named(section) => self.named(section, nullable),
            Kind::Axes(item) => self.axes(item, nullable),
            Kind::Any => Fields::new(),
            Kind::Extends => self.extends(),
            Kind::Format => fields([("const", json!(LANGUAGE))]),
            Kind::Profiles => self.profiles(nullable),
        }
    }

    /// Key paths of the spec, with dots or as nested mappings.
    fn axes(&mut self, item: &Kind, nullable: bool) -> Fields {
        let nested = json!({"type": ["object", "null"]});
        let either = json!([self.kind(item, true), nested]);
        fields([
            ("type", types("object", nullable)),
            ("additionalProperties", json!({ "anyOf": either })),
        ])
    }

    /// Free names, each with what a spec may hold.
    fn profiles(&mut self, nullable: bool) -> Fields {
        let profile = self.share("profile", |writer| {
            let steers =
                |key: &&Key| matches!(key.kind, Kind::Extends | Kind::Format | Kind::Profiles);
            let keys = SPEC.keys.iter().filter(|key| !steers(key));
            let keys = keys.map(|key| (key.name.to_owned(), writer.key(key, true).into()));
            mapping(true, keys.collect())
        });
        fields([
            ("type", types("object", nullable)),
            ("additionalProperties", profile.into()),
        ])
    }

    fn section(&mut self, section: &Section, nullable: bool) -> Fields {
        let mut schema = fields([
            ("title", json!(section.name)),
            ("description", json!(section.doc)),
        ]);
        schema.extend(mapping(nullable, self.keys(section.keys, true)));
        schema
    }

    /// A list; layers replace lists as a whole, so its items are complete whatever the spec extends.
    fn list(&mut self, item: &Kind, least: usize, nullable: bool) -> Fields {
        let mut items = self.kind(item, false);
        let rule = complete(item).unwrap_or_default();
        if rule.keys().all(|keyword| keyword == "required") {
            items.extend(rule);
        } else {
            // It speaks of keys, as the item itself does.
            items.insert("allOf".into(), json!([rule]));
        }
        let mut schema = fields([("type", types("array", nullable)), ("items", items.into())]);
        if least > 0 {
            schema.insert("minItems".into(), json!(least));
        }
        schema
    }

    /// Free names; one that is no name could only be there to be deleted.
    fn named(&mut self, section: &Section, nullable: bool) -> Fields {
        let entry = self.section(section, true);
        fields([
            ("type", types("object", nullable)),
            ("patternProperties", json!({ (PHASE_NAME.pattern): entry })),
            (
                "additionalProperties",
                json!({
                    "type": "null",
                    "errorMessage": format!("cannot be a name; allowed: {}", PHASE_NAME.words),
                }),
            ),
        ])
    }

    fn part(&mut self, part: &Part) -> Fields {
        self.share(part.what, |writer| {
            let mut cases: Vec<Value> = Vec::new();
            for variant in part.variants {
                cases.push(writer.variant(part, variant).into());
            }
            cases.push(writer.without_tag(part).into());
            cases.push(json!({"type": "null"}));
            fields([("oneOf", cases.into())])
        })
    }

    fn variant(&mut self, part: &Part, variant: &Section) -> Fields {
        let tag = json!({
            "const": variant.name,
            "title": format!("{} {}", part.what, variant.name),
            "description": variant.doc,
        });
        let mut properties = fields([(part.tag, tag)]);
        properties.extend(self.keys(variant.keys, true));
        let mut schema = fields([
            ("title", json!(format!("{} {}", part.what, variant.name))),
            ("description", json!(variant.doc)),
        ]);
        schema.extend(mapping(false, properties));
        schema.insert("required".into(), json!([part.tag]));
        let mut others: Vec<&str> = Vec::new();
        for key in keys_of(part) {
            if variant.key(key.name).is_none() && !others.contains(&key.name) {
                others.push(key.name);
            }
        }
        if !others.is_empty() {
            let pattern = format!("^({})$", others.join("|"));
            let deleted = json!({
                "type": "null",
                "description": format!("`~` deletes this key of another {}", part.what),
            });
            schema.insert("patternProperties".into(), json!({ (pattern): deleted }));
        }
        schema
    }

    /// What changes a part that a base has named.
    fn without_tag(&mut self, part: &Part) -> Fields {
        let mut properties = Fields::new();
        for key in keys_of(part) {
            let schema = Value::from(self.key(key, true));
            match properties.get_mut(key.name) {
                None => {
                    properties.insert(key.name.to_owned(), schema);
                }
                Some(known) if *known == schema => {}
                Some(known) => *known = json!({"anyOf": [known.take(), schema]}),
            }
        }
        let (what, tag) = (part.what, part.tag);
        let description = format!("without `{tag}`: changes the {what} of what the spec extends");
        let mut schema = fields([
            ("title", json!(format!("{what} of a base"))),
            ("description", json!(description)),
        ]);
        schema.extend(mapping(false, properties));
        schema.insert("not".into(), json!({"required": [tag]}));
        schema
    }

    fn step(&mut self, steps: &[Key]) -> Fields {
        self.share("step", |writer| {
            let mut schema = fields([
                ("title", json!("step")),
                ("description", json!("a mapping with exactly one key")),
            ]);
            schema.extend(mapping(false, writer.keys(steps, false)));
            schema.insert("minProperties".into(), json!(1));
            schema.insert("maxProperties".into(), json!(1));
            schema
        })
    }

    fn extends(&mut self) -> Fields {
        let base = self.share("base", |_| {
            let mut bases: Vec<Value> = Vec::new();
            for name in templates::names() {
                bases.push(json!({"const": name, "description": templates::doc(name)}));
            }
            bases.push(json!({
                "type": "string",
                "pattern": FILE,
                "description": "a file, relative to this one",
            }));
            fields([("anyOf", bases.into())])
        });
        let list = json!({"type": "array", "items": base});
        fields([("anyOf", json!([base, list, {"type": "null"}]))])
    }

    /// A reference to a definition, which is written when it is first asked for.
    fn share(&mut self, name: &str, write: impl FnOnce(&mut Self) -> Fields) -> Fields {
        if !self.shared.contains_key(name) {
            // Keeps the place, and ends the recursion of a definition that refers to itself.
            self.shared.insert(name.to_owned(), Value::Null);
            let schema = write(self);
            self.shared.insert(name.to_owned(), schema.into());
        }
        fields([("$ref", json!(format!("#/$defs/{name}")))])
    }
}

/// What must be in a mapping with these keys when no base holds it, and nothing else.
fn complete_keys(keys: &[Key]) -> Fields {
    let required: Vec<&str> = keys
        .iter()
        .filter(|key| key.need == Need::Required)
        .map(|key| key.name)
        .collect();
    let mut inner = Fields::new();
    for key in keys {
        if let Some(rule) = complete(&key.kind) {
            inner.insert(key.name.to_owned(), rule.into());
        }
    }
    let mut rule = Fields::new();
    if !required.is_empty() {
        rule.insert("required".into(), json!(required));
    }
    if !inner.is_empty() {
        rule.insert("properties".into(), inner.into());
    }
    rule
}

/// As `complete_keys`, for what a key holds; `None` if nothing is required.
fn complete(kind: &Kind) -> Option<Fields> {
    let rule = match kind {
        Kind::Map(section) => complete_keys(section.keys),
        Kind::Named(section) => fields([
            ("minProperties", json!(1)),
            ("additionalProperties", complete_keys(section.keys).into()),
        ]),
        Kind::Part(part) => complete_part(part),
        _ => Fields::new(),
    };
    (!rule.is_empty()).then_some(rule)
}

fn complete_part(part: &Part) -> Fields {
    let mut cases: Vec<Value> = Vec::new();
    for variant in part.variants {
        let inner = complete_keys(variant.keys);
        if !inner.is_empty() {
            let tag = json!({ (part.tag): {"const": variant.name} });
            let chosen = json!({"properties": tag, "required": [part.tag]});
            cases.push(json!({"if": chosen, "then": inner}));
        }
    }
    let mut rule = fields([("required", json!([part.tag]))]);
    if !cases.is_empty() {
        rule.insert("allOf".into(), cases.into());
    }
    rule
}

/// The keys of all variants; one that several variants take comes several times.
fn keys_of(part: &Part) -> impl Iterator<Item = &'static Key> {
    part.variants.iter().flat_map(|variant| variant.keys)
}
